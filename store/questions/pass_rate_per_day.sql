-- What share of the mail passes DMARC, day by day?
-- A drop from one day to the next is a key that was changed, a sender that is new, or a wave of forgeries: see
-- worst_days and passed_before.
SELECT day,
       messages,
       passing,
       failing,
       round(100.0 * passing / nullif(messages, 0), 1) AS percent_passing
FROM domain_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
ORDER BY day
