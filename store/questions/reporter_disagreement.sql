-- Where do reporters disagree about one source?
-- Addresses of which one reporter saw at least half more pass than another did, each with ten messages or more.
-- Where one alone fails what others pass, look at its way: a forwarder before it, or its DNS.
WITH seen AS (
    SELECT source_ip,
           reporter,
           CAST(sum(messages) AS bigint) AS messages,
           100.0 * sum(CASE WHEN dmarc_pass THEN messages ELSE 0 END) / nullif(sum(messages), 0) AS percent
    FROM records_flat
    WHERE policy_domain = :domain AND day BETWEEN :since AND :until
    GROUP BY source_ip, reporter
    HAVING sum(messages) >= 10
)
SELECT seen.source_ip,
       coalesce(service, owner, name, 'not known') AS who,
       seen.reporter,
       seen.messages,
       round(seen.percent, 1) AS percent_passing
FROM seen
JOIN (
    SELECT source_ip FROM seen GROUP BY source_ip HAVING max(percent) - min(percent) >= 50
) AS disputed ON disputed.source_ip = seen.source_ip
LEFT JOIN addresses ON addresses.source_ip = seen.source_ip
ORDER BY seen.source_ip, percent_passing, seen.reporter
