-- Who is new this week?
-- Addresses seen for the first time in the 7 days up to the last reported one. New and failing, with more than a
-- handful of messages: somebody has begun to use a service, or to forge you.
SELECT first_day,
       source_ip,
       coalesce(service, owner, name, 'not known') AS who,
       messages,
       failing,
       verdict,
       next_step
FROM new_sources
WHERE policy_domain = :domain
ORDER BY failing DESC, messages DESC, first_day
