-- Whose signatures verify and do not count?
-- Signed in another name than the author's: a service or a tenant that does not use your domain yet. Setting up
-- its own signature in your name is the mending.
SELECT domain,
       selector,
       coalesce(service, owner, name, 'not known') AS who,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(CASE WHEN dmarc_pass THEN 0 ELSE messages END) AS bigint) AS failing,
       max(day) AS last_day
FROM signatures
LEFT JOIN addresses ON addresses.source_ip = signatures.source_ip
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND result = 'pass' AND coalesce(dkim, '') <> 'pass'
GROUP BY domain, selector, coalesce(service, owner, name, 'not known')
ORDER BY messages DESC, domain, selector, who
