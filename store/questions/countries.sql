-- In which countries are the networks that send as me registered?
-- Where a network is registered, which need not be where its machines stand. A country with nothing that passes is
-- seldom yours.
SELECT coalesce(country, 'not known') AS country,
       count(DISTINCT source_days.source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(failing) AS bigint) AS failing,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing
FROM source_days
LEFT JOIN addresses ON addresses.source_ip = source_days.source_ip
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY coalesce(country, 'not known')
ORDER BY messages DESC, country
