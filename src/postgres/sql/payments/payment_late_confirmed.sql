-- The oldest message that waits for the order's units: it brings the order back. None: nobody waits for them. + 0: by
-- the index of the order's messages and not by that of all that are open (orders_confirm_paid.sql). The card that it
-- has told of until now.
WITH waiting AS (
    SELECT webhook_id, card_hash
      FROM payment_events
     WHERE sale_no = $1 AND order_id = $2 AND outcome + 0 = 1
     ORDER BY received_at, webhook_id
     LIMIT 1)
UPDATE payment_events
   SET outcome = 2, settled_at = now(), card_hash = NULL
  FROM waiting
 WHERE payment_events.sale_no = $1 AND payment_events.webhook_id = waiting.webhook_id
RETURNING coalesce(waiting.card_hash, '');
