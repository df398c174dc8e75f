-- What was written for a cancellation is text by or about the customer. Any other reason is a word of ours, which tells
-- what may still become of the order. $3, $4: the customer's range, of which it goes on after $2; $7: at most so many,
-- and fewer only if there are no more. Locked first: a row that the archive takes meanwhile makes room for another.
-- Named by where they end: an array of ids may be looked for in all of the sale.
WITH named AS (
    SELECT order_id
      FROM orders
     WHERE sale_no = $1
       AND order_id > $2::uuid
       AND order_id BETWEEN $3::uuid AND $4::uuid
       AND customer_id = $5
     ORDER BY order_id
     LIMIT $7
       FOR NO KEY UPDATE)
UPDATE orders
   SET customer_id = $6,
       reason = CASE WHEN status = 3 AND reason <> 'payment_failed' THEN NULL ELSE reason END
 WHERE sale_no = $1
   AND order_id > $2::uuid
   AND order_id BETWEEN $3::uuid AND (SELECT order_id FROM named ORDER BY order_id DESC LIMIT 1)
   AND customer_id = $5
RETURNING order_id;
