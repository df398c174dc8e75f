UPDATE payment_events
   SET outcome = $2::smallint, settled_at = CASE WHEN $2::smallint > 1 THEN now() END
 WHERE webhook_id = $1;
