-- On which days did most mail fail?
-- The ten worst days, and what became of the mail. A single one is a campaign or a wave of forgeries; who_sends
-- for that day alone tells which.
SELECT day,
       messages,
       failing,
       quarantined,
       rejected,
       round(100.0 * failing / nullif(messages, 0), 1) AS percent_failing
FROM domain_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
ORDER BY failing DESC, day
LIMIT 10
