-- The message that has brought the order back. A second one for the same order is judged again, as paid twice.
UPDATE payment_events
   SET outcome = 2, settled_at = now()
 WHERE webhook_id = (SELECT webhook_id
                       FROM payment_events
                      WHERE order_id = $1 AND outcome = 1
                      ORDER BY received_at, webhook_id
                      LIMIT 1);
