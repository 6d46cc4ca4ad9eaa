-- Does mail to me travel encrypted?
-- Sessions that other servers opened to your mail exchangers, by the policy they found (SMTP TLS reports).
-- Failures under sts or tlsa are mail that did not arrive.
SELECT policy_domain,
       policy_type,
       CAST(sum(reports) AS bigint) AS reports,
       CAST(sum(successful_sessions) AS bigint) AS successful,
       CAST(sum(failed_sessions) AS bigint) AS failed,
       max(day) AS last_day
FROM tls_days
WHERE day BETWEEN :since AND :until
GROUP BY policy_domain, policy_type
ORDER BY failed DESC, policy_domain, policy_type
