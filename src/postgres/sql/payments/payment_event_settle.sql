-- What is settled has made its event, and tells of no card any more.
UPDATE payment_events
   SET outcome = $3::smallint, settled_at = CASE WHEN $3::smallint > 1 THEN now() END,
       card_hash = CASE WHEN $3::smallint <= 1 THEN card_hash END
 WHERE sale_no = $1 AND webhook_id = $2;
