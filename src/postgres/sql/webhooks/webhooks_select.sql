-- $1: one of them; empty: all.
SELECT webhook_id, url, array_to_string(types, ','), is_paused, disabled_at, disabled_reason, failing_since,
       CASE WHEN previous_until > now() THEN previous_until END, created_at,
       (SELECT count(*) FROM webhook_retries WHERE webhook_retries.webhook_id = webhooks.webhook_id)
  FROM webhooks
 WHERE $1 = '' OR webhook_id = $1
 ORDER BY created_at, webhook_id;
