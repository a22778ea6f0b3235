-- Parts of one statement, which the engine reads side by side; the service fills them in.
SELECT kind, packed
FROM
(
$parts
)
SETTINGS max_execution_time = $timeout_seconds, max_memory_usage = $memory_bytes
