-- Which machines does my SPF record leave out?
-- Mail under your own return path whose DKIM signature passes and whose SPF does not: a sender of yours that the
-- record does not list, or a forwarder, which needs nothing.
SELECT coalesce(service, owner, name, 'not known') AS who,
       spf_checks.domain AS return_path,
       spf_checks.result,
       count(DISTINCT spf_checks.source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       max(day) AS last_day
FROM spf_checks
LEFT JOIN addresses ON addresses.source_ip = spf_checks.source_ip
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
  AND dkim = 'pass' AND result IN ('fail', 'softfail', 'neutral') AND domain = header_from
GROUP BY coalesce(service, owner, name, 'not known'), spf_checks.domain, spf_checks.result
ORDER BY messages DESC, who, return_path
