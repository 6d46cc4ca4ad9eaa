-- Does my mail pass by DKIM, by SPF, or by both?
-- Month by month. Mail that passes by both survives nearly everything; by_spf_alone should go towards nothing.
SELECT substr(CAST(day AS text), 1, 7) AS month,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(dkim_passing + spf_passing - passing) AS bigint) AS by_both,
       CAST(sum(passing - spf_passing) AS bigint) AS by_dkim_alone,
       CAST(sum(passing - dkim_passing) AS bigint) AS by_spf_alone,
       CAST(sum(failing) AS bigint) AS by_neither
FROM domain_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY substr(CAST(day AS text), 1, 7)
ORDER BY month
