-- Of these orders, those that were refused, and when they had been accepted. Locked in order of id, as all rows are.
SELECT order_id, created_at
  FROM orders
 WHERE sale_no = $1
   AND order_id = ANY ($2::uuid[])
   AND status = 5
 ORDER BY order_id
   FOR NO KEY UPDATE;
