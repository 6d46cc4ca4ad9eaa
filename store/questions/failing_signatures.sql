-- Which signatures do not verify, and why?
-- By key and result: fail is a changed text or a wrong key, permerror a key that is missing or malformed,
-- temperror the DNS. A key of which some signatures verify is in order; what fails was altered on the way.
SELECT domain,
       selector,
       result,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       max(day) AS last_day
FROM signatures
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND coalesce(result, '') <> 'pass'
GROUP BY domain, selector, result
ORDER BY messages DESC, domain, selector, result
