-- Who does not send as me any more?
-- Services and owners of the period of whom nothing was seen in its last seven reported days. What was yours and
-- passed may still stand in your SPF record and have keys in your DNS.
SELECT coalesce(service, owner, name, 'not known') AS who,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing,
       min(day) AS first_day,
       max(day) AS last_day
FROM source_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY coalesce(service, owner, name, 'not known')
HAVING max(day) < (
    SELECT min(day)
    FROM (
        SELECT day FROM domain_days
        WHERE policy_domain = :domain AND day BETWEEN :since AND :until
        ORDER BY day DESC LIMIT 7
    ) AS week
)
ORDER BY last_day DESC, who
