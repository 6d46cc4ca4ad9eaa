-- What passes by SPF alone?
-- Fragile mail: the first forwarder breaks SPF, and nothing is left. Have it signed before you enforce.
SELECT coalesce(service, owner, name, 'not known') AS who,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(passing - dkim_passing) AS bigint) AS by_spf_alone,
       round(100.0 * sum(passing - dkim_passing) / nullif(sum(messages), 0), 1) AS percent_by_spf_alone,
       max(day) AS last_day
FROM source_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND passing > dkim_passing
GROUP BY coalesce(service, owner, name, 'not known')
ORDER BY by_spf_alone DESC, who
