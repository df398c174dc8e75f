-- Those of these orders that await their payment, locked until the transaction ends. One that somebody else has locked
-- is left out: many payments must not wait for one of them.
-- + 0: by the key (orders_confirm_paid.sql).
SELECT order_id
  FROM orders
 WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND status + 0 = 2
 ORDER BY order_id
   FOR UPDATE SKIP LOCKED;
