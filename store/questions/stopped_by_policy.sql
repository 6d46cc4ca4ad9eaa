-- What did my policy stop?
-- Month by month: of what failed, how much was put into quarantine, rejected, or delivered all the same.
SELECT substr(CAST(day AS text), 1, 7) AS month,
       CAST(sum(failing) AS bigint) AS failing,
       CAST(sum(quarantined) AS bigint) AS quarantined,
       CAST(sum(rejected) AS bigint) AS rejected,
       CAST(sum(failing - quarantined - rejected) AS bigint) AS delivered
FROM domain_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY substr(CAST(day AS text), 1, 7)
ORDER BY month
