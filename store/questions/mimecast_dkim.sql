-- Which of Mimecast's DKIM selectors fail?
-- A selector of Mimecast carries the day on which its key was made. One that fails for all messages has a key that
-- is not in the DNS, or a definition that signs before the text is changed.
SELECT signatures.domain,
       selector,
       result,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       min(day) AS first_day,
       max(day) AS last_day
FROM signatures
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND substr(selector, 1, 8) = 'mimecast'
GROUP BY signatures.domain, selector, result
ORDER BY messages DESC, selector, result
