-- Messages that wait for their order or for its units, of all sales, in the order of their keys, after $3 and $4.
SELECT sale_no, webhook_id
  FROM payment_events
 WHERE outcome <= 1
   AND received_at <= now() - $1 * interval '1 millisecond'
   AND (sale_no, webhook_id) > ($3, $4)
 ORDER BY sale_no, webhook_id
 LIMIT $2;
