-- What became of the mail to the rua address?
-- By mailbox, over all time: every mail has one outcome. corrupt and refused are in the folder Failed, with a
-- reason in the ledger.
SELECT source,
       CAST(sum(messages) AS bigint) AS mails,
       CAST(sum(stored) AS bigint) AS stored,
       CAST(sum(partial) AS bigint) AS partial,
       CAST(sum(duplicate) AS bigint) AS duplicate,
       CAST(sum(conflict) AS bigint) AS conflict,
       CAST(sum(not_a_report) AS bigint) AS not_a_report,
       CAST(sum(unsupported) AS bigint) AS unsupported,
       CAST(sum(corrupt + refused) AS bigint) AS failed,
       CAST(sum(reports) AS bigint) AS reports
FROM ingest_health
GROUP BY source
ORDER BY source
