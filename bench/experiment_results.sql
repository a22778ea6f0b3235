-- Users of three variants in fifty countries (the first has a fifteenth, the last a thousandth of them), over 30 days.
INSERT INTO tidemark.experiment_minute
    (experiment_id, generation, metric, variant, minute, country, users, version)
SELECT
    'bench', {generation:Int64}, '', ['control', 'a', 'b'][number % 3 + 1] AS variant,
    toDateTime('2026-10-01', 'UTC') + 60 * (cityHash64(number, 1) % 43200) AS minute,
    concat('C', leftPad(toString(toUInt8(pow(51, cityHash64(number, 2) % 1000000 / 1e6))), 2, '0')) AS country, count(), 1
FROM numbers({users:UInt64})
GROUP BY variant, minute, country;
-- What 15 % of them do for one metric, within three days.
INSERT INTO tidemark.experiment_minute
    (experiment_id, generation, metric, variant, minute, country, active, x, xx, y, yy, xy, version)
SELECT
    'bench', {generation:Int64}, {metric:String}, ['control', 'a', 'b'][number % 3 + 1] AS variant,
    least(toDateTime('2026-10-01', 'UTC') + 60 * (cityHash64(number, 1) % 43200 + cityHash64(number, 4) % 4320),
        toDateTime('2026-10-30 23:59:00', 'UTC')) AS minute,
    concat('C', leftPad(toString(toUInt8(pow(51, cityHash64(number, 2) % 1000000 / 1e6))), 2, '0')) AS country, count(),
    sum(v), sum(v * v), count() * 5, count() * 25, sum(5 * v), 1
FROM
(
    SELECT number, if({metric:String} LIKE 'm%', toInt128(cityHash64(number, 5) % 200) * 1000000, toInt128(1)) AS v
    FROM numbers({users:UInt64})
    WHERE cityHash64(number, 3, {metric:String}) % 100 < 15
)
GROUP BY variant, minute, country;
-- The baseline.
SELECT metric, variant, country, sum(users), sum(active), sum(x), sum(xx)
FROM tidemark.experiment_minute FINAL
PREWHERE experiment_id = 'bench' AND generation = {generation:Int64} AND metric IN {metrics:Array(String)}
GROUP BY metric, variant, country;
