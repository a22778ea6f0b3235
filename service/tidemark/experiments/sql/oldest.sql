-- The oldest generation that has rows, not after a bound; read in the order of the key.
SELECT generation
FROM tidemark.experiment_minute
WHERE experiment_id = {experiment:String} AND generation <= {most:Int64}
ORDER BY experiment_id, generation
LIMIT 1
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
