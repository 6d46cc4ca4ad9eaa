-- Which reporters judge otherwise than their own results say?
-- Records whose evaluation does not follow from the DKIM and SPF results beside it and the published alignment.
-- Believe the results.
SELECT reporter,
       dkim,
       dkim_recomputed,
       spf,
       spf_recomputed,
       count(*) AS records,
       CAST(sum(messages) AS bigint) AS messages,
       max(day) AS last_day
FROM records_flat
WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND recomputed = 'differs'
GROUP BY reporter, dkim, dkim_recomputed, spf, spf_recomputed
ORDER BY messages DESC, reporter
