-- Messages of a sale that wait for their order or for its units, in the order of their ids, after $3.
SELECT webhook_id
  FROM payment_events
 WHERE sale_no = $1
   AND outcome <= 1
   AND received_at <= now() - $2 * interval '1 millisecond'
   AND webhook_id > $3
 ORDER BY webhook_id
 LIMIT $4;
