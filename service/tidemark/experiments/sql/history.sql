-- When the job had read what a generation needs of the past, Unix ms; 0: not yet.
SELECT toInt64(toUnixTimestamp64Milli(max(read_at))) AS read_ms
FROM tidemark.experiment_history
WHERE experiment_id = {experiment:String} AND generation = {generation:Int64}
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
