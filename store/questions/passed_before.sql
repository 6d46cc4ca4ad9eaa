-- What passed before and fails now?
-- Senders of at least 100 messages in the last seven reported days, of which 15 points less pass than before.
-- Something of yours has changed: a key, a record, a definition.
WITH newest AS (
    SELECT min(day) AS first_day
    FROM (
        SELECT day FROM domain_days
        WHERE policy_domain = :domain AND day BETWEEN :since AND :until
        ORDER BY day DESC LIMIT 7
    ) AS days
), sums AS (
    SELECT coalesce(service, owner, name, 'not known') AS who,
           sum(CASE WHEN day < first_day THEN messages ELSE 0 END) AS earlier,
           sum(CASE WHEN day < first_day THEN passing ELSE 0 END) AS earlier_passing,
           sum(CASE WHEN day < first_day THEN 0 ELSE messages END) AS recent,
           sum(CASE WHEN day < first_day THEN 0 ELSE passing END) AS recent_passing
    FROM source_days CROSS JOIN newest
    WHERE policy_domain = :domain AND day BETWEEN :since AND :until
    GROUP BY coalesce(service, owner, name, 'not known')
), rates AS (
    SELECT who,
           earlier,
           100.0 * earlier_passing / nullif(earlier, 0) AS earlier_percent,
           recent,
           100.0 * recent_passing / nullif(recent, 0) AS recent_percent
    FROM sums
)
SELECT who,
       CAST(earlier AS bigint) AS earlier_messages,
       round(earlier_percent, 1) AS earlier_percent_passing,
       CAST(recent AS bigint) AS recent_messages,
       round(recent_percent, 1) AS recent_percent_passing
FROM rates
WHERE recent >= 100 AND earlier_percent - recent_percent >= 15
ORDER BY recent_messages DESC, who
