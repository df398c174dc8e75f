-- Parallel arrays; the last one of the milliseconds until the next attempt. Nothing of an endpoint that is being
-- deleted, or was.
INSERT INTO webhook_retries (webhook_id, position, partition_key, failures, next_at)
SELECT $1, position, partition_key, failures, now() + delay_ms * interval '1 millisecond'
  FROM unnest($2::bigint[], $3::text[], $4::integer[], $5::bigint[])
       AS parked (position, partition_key, failures, delay_ms)
 CROSS JOIN (SELECT 1 FROM webhooks WHERE webhook_id = $1 FOR KEY SHARE) AS there
ON CONFLICT DO NOTHING;
