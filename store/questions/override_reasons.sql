-- Why did receivers not apply my policy?
-- The reasons that they gave. mailing_list and forwarded with arc=pass: they trusted the chain. local_policy:
-- their own judgement.
SELECT type,
       reporter,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       max(comment) AS comment,
       max(day) AS last_day
FROM overrides
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY type, reporter
ORDER BY messages DESC, type, reporter
