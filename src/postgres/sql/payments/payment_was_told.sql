-- Whether another message has told of the same payment, and something came of it or still may.
SELECT 1
  FROM payment_events
 WHERE sale_no = $1 AND order_id = $2 AND payment_id = $3 AND webhook_id <> $4 AND succeeded AND outcome IN (1, 2, 4)
 LIMIT 1;
