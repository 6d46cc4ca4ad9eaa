-- When did the published policy change?
-- The policy as most reports of each day saw it, on the days when it was another than before. Reporters keep old
-- records of the DNS for a while: a day or two of both is usual.
SELECT day,
       p,
       sp,
       p_before,
       sp_before
FROM (
    SELECT day,
           p,
           sp,
           lag(p) OVER (ORDER BY day) AS p_before,
           lag(sp) OVER (ORDER BY day) AS sp_before
    FROM (
        SELECT day,
               p,
               coalesce(sp, p) AS sp,
               row_number() OVER (PARTITION BY day ORDER BY sp IS NULL, count(*) DESC, p, sp) AS place
        FROM reports
        WHERE policy_domain = :domain AND day BETWEEN :since AND :until AND p IS NOT NULL
        GROUP BY day, p, reports.sp
    ) AS policies
    WHERE place = 1
) AS days
WHERE p_before IS NULL OR p <> p_before OR sp <> sp_before
ORDER BY day
