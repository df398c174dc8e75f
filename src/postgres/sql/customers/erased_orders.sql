-- The orders of a sale that a pseudonym has, some at a time, in the order of their ids.
SELECT order_id
  FROM orders
  JOIN items USING (item_no)
 WHERE customer_id = $1 AND sale_no = $2 AND order_id > $3::uuid
 ORDER BY order_id
 LIMIT $4;
