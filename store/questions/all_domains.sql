-- How do all my domains stand?
-- Every domain that was reported about in the period, the one with most failing mail first.
SELECT policy_domain,
       count(*) AS days,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(failing) AS bigint) AS failing,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing,
       max(day) AS last_day
FROM domain_days
WHERE day BETWEEN :since AND :until
GROUP BY policy_domain
ORDER BY failing DESC, policy_domain
