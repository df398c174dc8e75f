-- The oldest message that waits for the order's units: it brings the order back. None: nobody waits for them. + 0: by
-- the index of the order's messages and not by that of all that are open (order_confirm_paid.sql).
UPDATE payment_events
   SET outcome = 2, settled_at = now()
 WHERE sale_no = $1
   AND webhook_id = (SELECT webhook_id
                       FROM payment_events
                      WHERE sale_no = $1 AND order_id = $2 AND outcome + 0 = 1
                      ORDER BY received_at, webhook_id
                      LIMIT 1);
