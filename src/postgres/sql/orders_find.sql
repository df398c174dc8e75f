SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason
  FROM orders
 WHERE order_id = ANY ($1::uuid[]);
