-- Where and how to send. $1: one of them; empty: all that events are sent to.
SELECT webhook_id, url, array_to_string(types, ','), secret,
       CASE WHEN previous_until > now() THEN previous_secret ELSE '' END
  FROM webhooks
 WHERE CASE WHEN $1 = '' THEN NOT is_paused AND disabled_at IS NULL ELSE webhook_id = $1 END
 ORDER BY webhook_id;
