-- What would p=reject have cost last month?
-- Everything that failed in the 30 days up to the last reported one, by what it was. Yours is lost mail: mend it
-- before you enforce. Forwarded mail is lost where the forwarder breaks signatures. The rest is what a policy is
-- for.
SELECT CASE
           WHEN verdict IN ('failing_own', 'bounces', 'fragile') THEN 'yours'
           WHEN verdict IN ('forwarded', 'recipient_gateway') THEN 'forwarded'
           WHEN verdict = 'passing' THEN 'altered on the way'
           ELSE 'not known to be yours'
       END AS mail,
       verdict,
       CAST(sum(addresses) AS bigint) AS addresses,
       CAST(sum(failing) AS bigint) AS messages_lost,
       round(100.0 * sum(failing) / nullif(sum(sum(failing)) OVER (), 0), 1) AS percent_of_failing
FROM failing_sources
WHERE policy_domain = :domain
GROUP BY verdict
ORDER BY messages_lost DESC, verdict
