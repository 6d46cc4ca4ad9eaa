-- Whose machines sign with my keys?
-- Verified signatures in your name, by who has the machine. Your services, and forwarders who left the text alone.
-- Anybody else who has many has a key of yours.
SELECT selector,
       domain,
       coalesce(service, owner, name, 'not known') AS who,
       count(DISTINCT signatures.source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       max(day) AS last_day
FROM signatures
LEFT JOIN addresses ON addresses.source_ip = signatures.source_ip
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
  AND result = 'pass' AND domain IN (header_from, policy_domain)
GROUP BY selector, domain, coalesce(service, owner, name, 'not known')
ORDER BY messages DESC, selector, domain, who
