-- Of how many addresses is the owner known?
-- waiting goes down with `ruamill enrich` or the daemon; reserved are private addresses, which nobody owns; error
-- is tried again.
SELECT lookup_state,
       count(*) AS addresses,
       count(service) AS with_a_service,
       count(name) AS with_a_name
FROM addresses
GROUP BY lookup_state
ORDER BY addresses DESC, lookup_state
