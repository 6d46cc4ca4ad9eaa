-- What goes out under subdomains?
-- Author domains below the policy's own, which sp covers. Look here before sp=reject; a subdomain that you do not
-- know and that passes nothing was invented by somebody else.
SELECT header_from,
       count(DISTINCT source_ip) AS addresses,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(failing) AS bigint) AS failing,
       round(100.0 * sum(passing) / nullif(sum(messages), 0), 1) AS percent_passing,
       min(day) AS first_day,
       max(day) AS last_day
FROM source_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND header_from <> policy_domain
GROUP BY header_from
ORDER BY messages DESC, header_from
