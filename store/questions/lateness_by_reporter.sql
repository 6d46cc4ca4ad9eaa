-- How long does each reporter take?
-- Hours from the end of the period to the mail. It tells from when on a day can be believed to be whole.
SELECT reporter,
       count(hours_late) AS reports,
       round(CAST(min(hours_late) AS numeric), 1) AS least_hours,
       round(CAST(avg(hours_late) AS numeric), 1) AS mean_hours,
       round(CAST(max(hours_late) AS numeric), 1) AS most_hours
FROM reports
WHERE day BETWEEN :since AND :until
GROUP BY reporter
HAVING count(hours_late) > 0
ORDER BY mean_hours DESC, reporter
