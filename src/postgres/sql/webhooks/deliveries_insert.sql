-- Parallel arrays. Status 0: there was no answer. Nothing of an endpoint that is being deleted, or was.
INSERT INTO webhook_deliveries (webhook_id, at, event_id, type, attempt, status, error, time_ms)
SELECT $1, at, event_id, type, attempt, status, error, time_ms
  FROM unnest($2::timestamptz[], $3::text[], $4::smallint[], $5::integer[], $6::integer[], $7::text[], $8::integer[])
       AS delivery (at, event_id, type, attempt, status, error, time_ms)
 CROSS JOIN (SELECT 1 FROM webhooks WHERE webhook_id = $1 FOR KEY SHARE) AS there;
