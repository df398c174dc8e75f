-- Since when nothing has got through, as far as it is so.
UPDATE webhooks
   SET failing_since = CASE WHEN $2::boolean THEN coalesce(failing_since, now()) END
 WHERE webhook_id = $1;
