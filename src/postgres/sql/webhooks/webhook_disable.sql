-- No row: it was switched off before, or is not there.
UPDATE webhooks
   SET disabled_at = now(), disabled_reason = $2
 WHERE webhook_id = $1 AND disabled_at IS NULL
RETURNING url;
