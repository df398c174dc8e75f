-- The orders of a sale that a pseudonym has, some at a time, in the order of their ids, after $3. $4, $5: the range of
-- the customer that it stands for.
SELECT order_id
  FROM orders
 WHERE sale_no = $1
   AND customer_id = $2
   AND order_id > $3::uuid
   AND order_id BETWEEN $4::uuid AND $5::uuid
 ORDER BY order_id
 LIMIT $6;
