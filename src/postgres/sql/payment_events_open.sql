-- Events that wait for their order or for its units, oldest first.
SELECT webhook_id
  FROM payment_events
 WHERE outcome <= 1
   AND received_at <= now() - $1 * interval '1 millisecond'
 ORDER BY received_at
 LIMIT $2;
