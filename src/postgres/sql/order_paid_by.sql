-- The payment that has confirmed an order.
SELECT payment_id, amount, currency FROM payment_events WHERE order_id = $1 AND outcome = 2 LIMIT 1;
