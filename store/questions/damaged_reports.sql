-- Which reports were damaged?
-- Only the records before a damaged place could be read and are counted; the rest of that report is missing from
-- every sum.
SELECT report_key,
       reporter,
       policy_domain,
       day,
       records,
       messages,
       deviations
FROM reports
WHERE day BETWEEN :since AND :until AND NOT whole
ORDER BY day, report_key
