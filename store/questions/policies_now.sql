-- What do my domains publish now?
-- Of each domain the policy in its last report. One with p=none sees what fails and stops nothing.
SELECT policy_domain,
       day,
       reporter,
       p,
       sp,
       adkim,
       aspf,
       pct
FROM (
    SELECT policy_domain,
           day,
           reporter,
           p,
           sp,
           adkim,
           aspf,
           pct,
           row_number() OVER (
               PARTITION BY policy_domain ORDER BY day DESC, sp IS NULL, report_key DESC
           ) AS place
    FROM reports
    WHERE day BETWEEN :since AND :until AND policy_domain IS NOT NULL
) AS newest
WHERE place = 1
ORDER BY policy_domain
