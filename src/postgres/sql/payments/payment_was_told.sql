-- Whether another message has told of the same payment, and something came of it or still may.
SELECT
  FROM payment_events
 WHERE order_id = $1 AND payment_id = $2 AND webhook_id <> $3 AND succeeded AND outcome IN (1, 2, 4)
 LIMIT 1;
