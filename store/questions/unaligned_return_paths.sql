-- Whose return path passes SPF and does not count?
-- SPF speaks for the return path, which here is another domain than the author's. Harmless where DKIM passes;
-- failing is what rests on SPF alone.
SELECT spf_checks.domain AS return_path,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(CASE WHEN dmarc_pass THEN 0 ELSE messages END) AS bigint) AS failing,
       max(day) AS last_day
FROM spf_checks
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND result = 'pass' AND coalesce(spf, '') <> 'pass'
GROUP BY spf_checks.domain
ORDER BY failing DESC, messages DESC, return_path
