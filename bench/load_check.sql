-- What each table sums up to; but for the number of rows both must say the same.
SELECT events, quantity, value_micros, cost_micros, newest, campaigns, row_count
FROM
(
    SELECT
        'events' AS name, toInt64(count()) AS events, sum(e.quantity) AS quantity, sum(e.value_micros) AS value_micros,
        sum(e.cost_micros) AS cost_micros, max(appended_at) AS newest, uniqExact(campaign_id) AS campaigns, count() AS row_count
    FROM tidemark.events AS e FINAL
    UNION ALL
    SELECT
        'minutes', sum(m.events), sum(m.quantity), sum(m.value_micros), sum(m.cost_micros), max(last_at), uniqExact(campaign_id), count()
    FROM tidemark.campaign_minute AS m FINAL
)
ORDER BY name
