-- The payment that has confirmed an order, which is cancelled now.
UPDATE payment_events
   SET outcome = 4, settled_at = now()
 WHERE sale_no = $1 AND order_id = $2 AND outcome = 2
RETURNING payment_id, amount, currency;
