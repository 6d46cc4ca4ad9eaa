-- Are there days without reports?
-- Reports and reporters by day. A day that is missing, or has fewer than its neighbours: the rua address did not
-- take mail, the record was gone from the DNS, or reports are still to come.
SELECT day,
       count(*) AS reports,
       count(DISTINCT reporter) AS reporters,
       CAST(sum(messages) AS bigint) AS messages
FROM reports
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND counted
GROUP BY day
ORDER BY day
