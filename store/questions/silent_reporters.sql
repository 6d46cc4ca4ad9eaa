-- Which reporter has gone silent?
-- Reporters of the period of whom nothing came for the last seven reported days, those with most reports first.
-- One that reported daily has a fault, or was told by your rua address that mail to it is not accepted.
SELECT reporter,
       count(*) AS reports,
       count(DISTINCT day) AS days,
       CAST(sum(messages) AS bigint) AS messages,
       max(day) AS last_day
FROM reports
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND counted
GROUP BY reporter
HAVING max(day) < (
    SELECT min(day)
    FROM (
        SELECT day FROM domain_days
        WHERE policy_domain = :domain AND day BETWEEN :since AND :until
        ORDER BY day DESC LIMIT 7
    ) AS week
)
ORDER BY reports DESC, reporter
