-- How much of what fails was forwarded, and by whom?
-- The 30 days up to the last reported one. Nothing of yours is wrong there: a forwarder breaks SPF, and one that
-- alters the text breaks DKIM too. It is what reject will cost others.
SELECT who,
       verdict,
       failing,
       percent_of_failing,
       last_day
FROM (
    SELECT who,
           verdict,
           failing,
           round(100.0 * failing / nullif(sum(failing) OVER (), 0), 1) AS percent_of_failing,
           last_day
    FROM failing_sources
    WHERE policy_domain = :domain
) AS shares
WHERE verdict IN ('forwarded', 'recipient_gateway')
ORDER BY failing DESC, who
