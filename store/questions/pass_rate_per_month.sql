-- How does the share that passes develop, month by month?
-- The figure to show on the way from none to reject.
SELECT substr(CAST(day AS text), 1, 7) AS month,
       count(*) AS days,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(failing) AS bigint) AS failing,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing
FROM domain_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY substr(CAST(day AS text), 1, 7)
ORDER BY month
