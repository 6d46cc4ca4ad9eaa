-- Who sends under which subdomain?
-- Each author domain below the policy's own, with the services behind it: a subdomain with one service that passes
-- is ready for a policy of its own.
SELECT header_from,
       coalesce(service, owner, name, 'not known') AS who,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(dkim_passing) AS bigint) AS dkim_passing,
       CAST(sum(spf_passing) AS bigint) AS spf_passing,
       max(day) AS last_day
FROM source_days
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND header_from <> policy_domain
GROUP BY header_from, coalesce(service, owner, name, 'not known')
ORDER BY header_from, messages DESC, who
