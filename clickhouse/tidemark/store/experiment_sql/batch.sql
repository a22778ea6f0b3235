-- The rows of one generation from raw events: what the experiment job must have written, each one (DESIGN rule 5). Written
-- another way than the job's SQL, from whole users instead of changes, with the same meaning of the same words.
--   {unit}: user_id or anonymous_id    {slices}: 0 or 1 for campaign_id, ad_id, channel, source, platform, country
--   {metrics}: (metric, event, num of events, quantity, value, cost, den of …, pre of …, floor, cap)
WITH
    1000000000000000 AS limit,
    (t -> intDiv(t, 60000) * 60) AS minute_of,
    ev AS
    (
        SELECT
            event_id, event, toUnixTimestamp64Milli(event_time) AS at, toUnixTimestamp64Milli(original_time) AS original, quantity,
            value_micros, cost_micros, campaign_id, ad_id, channel, source, platform, country, experiment_id, variant,
            if({unit:String} = 'user_id', user_id, anonymous_id) AS unit_id
        FROM tidemark.events FINAL
        WHERE notEmpty(unit_id)
    ),
    users AS
    (
        SELECT
            unit_id AS user, min(at) AS first_at, if(min(variant) = max(variant), min(variant), '') AS arm,
            argMin((campaign_id, ad_id, channel, source, platform, country),
                concat(leftPad(toString(at), 14, '0'), '|', base64Encode(event_id), '|', base64Encode(campaign_id), '|', toString(original))
            ) AS frozen,
            arrayMap((value, keep) -> if(keep = 1, value, ''),
                [frozen.1, frozen.2, toString(frozen.3), toString(frozen.4), toString(frozen.5), toString(frozen.6)],
                {slices:Array(UInt8)}) AS cell
        FROM ev
        WHERE event = 'exposure' AND experiment_id = {experiment_id:String} AND notEmpty(variant)
            AND at >= {start_ms:Int64} AND at < {end_ms:Int64}
        GROUP BY user
    ),
    done AS
    (
        SELECT
            user, arm, cell, m.1 AS metric, m.15 AS floor, m.16 AS cap, at < first_at AS is_before,
            minute_of(if(is_before, first_at, at)) AS minute,
            toInt256(m.3 + m.4 * quantity + m.5 * value_micros + m.6 * cost_micros) AS num,
            toInt256(m.7 + m.8 * quantity + m.9 * value_micros + m.10 * cost_micros) AS den,
            toInt256(m.11 + m.12 * quantity + m.13 * value_micros + m.14 * cost_micros) AS pre,
            m.3 + m.4 + m.5 + m.6 > 0 AS is_act, m.11 + m.12 + m.13 + m.14 > 0 AS is_pre
        FROM ev
        INNER JOIN users ON unit_id = user
        ARRAY JOIN arrayFilter(metric -> metric.2 = event,
            {metrics:Array(Tuple(String, String, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64))}) AS m
        WHERE notEmpty(arm) AND event != 'exposure' AND at >= first_at - {covariate_ms:Int64} AND at < first_at + {window_ms:Int64}
            AND (NOT is_before OR is_pre)
    ),
    minutes AS
    (
        SELECT
            user, arm, cell, metric, minute, any(floor) AS least, any(cap) AS most, sumIf(num, NOT is_before) AS dx,
            sumIf(den, NOT is_before) AS dy, sumIf(pre, is_before) AS dk, countIf(is_act AND NOT is_before) AS acts
        FROM done
        GROUP BY user, arm, cell, metric, minute
    ),
    sums AS
    (
        SELECT
            *, sum(dx) OVER earlier AS cx, sum(dy) OVER earlier AS cy, sum(dk) OVER earlier AS ck, sum(acts) OVER earlier AS cacts
        FROM minutes
        WINDOW earlier AS (PARTITION BY user, metric ORDER BY minute ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    steps AS
    (
        SELECT
            arm, cell, metric, minute, cacts > 0 AND cacts = acts AS is_first,
            least(greatest(cx, least, -limit), most, limit) AS x1, least(greatest(cx - dx, least, -limit), most, limit) AS x0,
            least(greatest(cy, -limit), limit) AS y1, least(greatest(cy - dy, -limit), limit) AS y0,
            least(greatest(ck, -limit), limit) AS k1, least(greatest(ck - dk, -limit), limit) AS k0
        FROM sums
    )
SELECT
    metric, arm AS variant, minute, cell[1] AS campaign_id, cell[2] AS ad_id, cell[3] AS channel, cell[4] AS source, cell[5] AS platform,
    cell[6] AS country, toInt64(0) AS users, countIf(is_first) AS active,
    toString(sum(x1 - x0)) AS x, toString(sum(x1 * x1 - x0 * x0)) AS xx, toString(sum(y1 - y0)) AS y,
    toString(sum(y1 * y1 - y0 * y0)) AS yy, toString(sum(x1 * y1 - x0 * y0)) AS xy, toString(sum(k1 - k0)) AS k,
    toString(sum(k1 * k1 - k0 * k0)) AS kk, toString(sum(x1 * k1 - x0 * k0)) AS xk, toString(sum(y1 * k1 - y0 * k0)) AS yk
FROM steps
GROUP BY ALL
UNION ALL
SELECT
    '' AS metric, arm AS variant, minute_of(first_at) AS minute, if(empty(arm), '', cell[1]), if(empty(arm), '', cell[2]),
    if(empty(arm), '', cell[3]), if(empty(arm), '', cell[4]), if(empty(arm), '', cell[5]), if(empty(arm), '', cell[6]),
    toInt64(count()), toUInt64(0), '0', '0', '0', '0', '0', '0', '0', '0', '0'
FROM users
GROUP BY ALL
