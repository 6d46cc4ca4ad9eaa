-- Which reports came late?
-- More than two days after the end of their period. The sums of days that are past change with them.
SELECT reporter,
       policy_domain,
       day,
       messages,
       round(CAST(hours_late AS numeric), 1) AS hours_late
FROM reports
WHERE day BETWEEN :since AND :until AND hours_late > 48
ORDER BY hours_late DESC, reporter, day
