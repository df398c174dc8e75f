-- Whether another message has told of the same payment before.
SELECT
  FROM payment_events
 WHERE order_id = $1 AND payment_id = $2 AND webhook_id <> $3 AND succeeded AND outcome <> 0
 LIMIT 1;
