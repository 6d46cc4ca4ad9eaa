-- Which DKIM selectors are in use?
-- Keys that sign in the domain's own name or below it, and how many of their signatures verify. A key with few
-- passes is broken or was published wrongly.
SELECT domain,
       selector,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(CASE WHEN result = 'pass' THEN messages ELSE 0 END) AS bigint) AS verified,
       count(DISTINCT source_ip) AS addresses,
       min(day) AS first_day,
       max(day) AS last_day
FROM signatures
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND domain IN (header_from, policy_domain)
GROUP BY domain, selector
ORDER BY messages DESC, domain, selector
