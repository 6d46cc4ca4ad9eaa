-- Which sources fail, and whose are they?
-- The 30 days up to the last reported one, with the verdict and what to do about it. failing_own and bounces are
-- yours to mend, unknown is for you to recognise or to leave to the policy.
SELECT who,
       verdict,
       addresses,
       messages,
       failing,
       last_day,
       reason,
       next_step
FROM failing_sources
WHERE policy_domain = :domain
ORDER BY failing DESC, who
