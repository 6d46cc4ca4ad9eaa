-- Who receives my mail, and how much of it?
-- Those who report, that is: the reports show the mail to them and no other.
SELECT reporter,
       count(*) AS reports,
       CAST(sum(messages) AS bigint) AS messages,
       round(100.0 * sum(messages) / nullif(sum(sum(messages)) OVER (), 0), 1) AS percent_of_messages,
       min(day) AS first_day,
       max(day) AS last_day
FROM reports
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND counted
GROUP BY reporter
ORDER BY messages DESC, reporter
