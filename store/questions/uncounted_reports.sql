-- Which reports are kept and not counted?
-- Reports that came a second time with other content. Those without a decision wait for a person: `ruamill
-- conflicts`.
SELECT report_key,
       reporter,
       report_id,
       policy_domain,
       day,
       messages,
       decision
FROM reports
WHERE day BETWEEN :since AND :until AND NOT counted
ORDER BY day, report_key
