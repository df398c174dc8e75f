-- The cards that open messages about one customer's orders, $2 to $3, tell of. + 0: by the orders' ids
-- (orders_confirm_paid.sql).
UPDATE payment_events
   SET card_hash = NULL
 WHERE sale_no = $1 AND order_id BETWEEN $2::uuid AND $3::uuid AND outcome + 0 <= 1 AND card_hash IS NOT NULL;
