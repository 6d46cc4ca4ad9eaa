-- How well does each reporter report?
-- How many, how late, and in what they depart from the standard: the codes are explained in docs/deviations.md.
SELECT reporter,
       reports,
       reports_not_counted,
       reports_damaged,
       round(CAST(mean_hours_late AS numeric), 1) AS mean_hours_late,
       reports_departing,
       deviations
FROM reporter_quality
ORDER BY reports DESC, reporter
