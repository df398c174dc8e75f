-- With the milliseconds until the next attempt.
SELECT position, partition_key, failures, extract(epoch FROM next_at - now()) * 1000
  FROM webhook_retries
 WHERE webhook_id = $1
 ORDER BY position;
