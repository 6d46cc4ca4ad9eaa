-- Which bounces and automatic replies go out unsigned?
-- They have no return path, so that SPF can only look at the machine's own name: without an aligned DKIM signature
-- they fail, and a strict policy takes your out-of-office replies away.
SELECT coalesce(service, owner, name, 'not known') AS who,
       records_flat.source_ip,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(CASE WHEN dmarc_pass THEN 0 ELSE messages END) AS bigint) AS failing,
       max(dkim_results) AS signatures,
       max(day) AS last_day
FROM records_flat
LEFT JOIN addresses ON addresses.source_ip = records_flat.source_ip
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND null_path AND coalesce(dkim, '') <> 'pass'
GROUP BY coalesce(service, owner, name, 'not known'), records_flat.source_ip
ORDER BY messages DESC, who
