-- Which DKIM selectors are not seen any more?
-- Keys of the domain that verified in the period and not in its last seven reported days. Their records can be
-- taken out of the DNS, once the service behind them is known to be gone.
SELECT domain,
       selector,
       CAST(sum(messages) AS bigint) AS messages,
       min(day) AS first_day,
       max(day) AS last_day
FROM signatures
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
  AND result = 'pass' AND domain IN (header_from, policy_domain)
GROUP BY domain, selector
HAVING max(day) < (
    SELECT min(day)
    FROM (
        SELECT day FROM domain_days
        WHERE policy_domain = :domain AND day BETWEEN :since AND :until
        ORDER BY day DESC LIMIT 7
    ) AS week
)
ORDER BY last_day DESC, domain, selector
