-- The payment that has confirmed an order, which is cancelled now.
UPDATE payment_events
   SET outcome = 4, settled_at = now()
 WHERE order_id = $1 AND outcome = 2
RETURNING payment_id, amount, currency;
