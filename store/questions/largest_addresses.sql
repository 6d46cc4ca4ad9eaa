-- Which addresses send most?
-- The twenty largest, with their names. A name that leads elsewhere than its owner suggests is worth a look.
SELECT source_ip,
       name,
       coalesce(service, owner, 'not known') AS who,
       CAST(sum(messages) AS bigint) AS messages,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing,
       max(day) AS last_day
FROM source_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY source_ip, name, coalesce(service, owner, 'not known')
ORDER BY messages DESC, source_ip
LIMIT 20
