UPDATE payment_events
   SET outcome = $3::smallint, settled_at = CASE WHEN $3::smallint > 1 THEN now() END
 WHERE sale_no = $1 AND webhook_id = $2;
