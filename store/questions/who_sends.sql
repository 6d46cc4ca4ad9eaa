-- Who sends as me?
-- Every service or owner of a network that sent mail in the domain's name, the largest first. What passes little
-- is either yours and not set up, or not yours.
SELECT coalesce(service, owner, name, 'not known') AS who,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(passing) AS bigint) AS passing,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing,
       max(day) AS last_day
FROM source_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY coalesce(service, owner, name, 'not known')
ORDER BY messages DESC, who
