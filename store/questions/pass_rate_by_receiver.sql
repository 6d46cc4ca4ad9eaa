-- At which receivers does my mail fail, and what do they do with it?
-- One receiver alone with a low share: mail to it takes another way (a forwarder, a gateway), or it judges
-- otherwise.
SELECT reporter,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(CASE WHEN dmarc_pass THEN 0 ELSE messages END) AS bigint) AS failing,
       CAST(sum(CASE WHEN disposition = 'quarantine' THEN messages ELSE 0 END) AS bigint) AS quarantined,
       CAST(sum(CASE WHEN disposition = 'reject' THEN messages ELSE 0 END) AS bigint) AS rejected,
       round(100.0 * sum(CASE WHEN dmarc_pass THEN messages ELSE 0 END) / nullif(sum(messages), 0), 1)
           AS percent_passing
FROM records_flat
WHERE policy_domain = :domain AND day BETWEEN :since AND :until
GROUP BY reporter
ORDER BY messages DESC, reporter
