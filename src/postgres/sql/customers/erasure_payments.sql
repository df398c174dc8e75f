-- The cards that messages about one customer's orders, $2 to $3, tell of.
UPDATE payment_events
   SET card_hash = NULL
 WHERE sale_no = $1 AND order_id BETWEEN $2::uuid AND $3::uuid AND card_hash IS NOT NULL;
