-- Which domains send nothing that passes?
-- Parked names, and what is forged in them. They can publish p=reject and an SPF record of -all today.
SELECT policy_domain,
       count(*) AS days,
       CAST(sum(messages) AS bigint) AS messages,
       CAST(sum(rejected) AS bigint) AS rejected,
       max(day) AS last_day
FROM domain_days
WHERE day BETWEEN :since AND :until
GROUP BY policy_domain
HAVING sum(passing) = 0
ORDER BY messages DESC, policy_domain
