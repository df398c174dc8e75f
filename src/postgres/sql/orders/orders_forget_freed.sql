-- Orders of a sale that ended after it was let go: nobody in Redis has to be told. One that somebody has locked waits
-- for the next time. coalesce: what was found is changed by its key (orders_confirm_paid.sql).
WITH free AS (
    SELECT orders.order_id
      FROM orders
      JOIN sales ON sales.sale_no = orders.sale_no
     WHERE orders.sale_no = $1 AND orders.given_back = false AND sales.let_go
     ORDER BY orders.order_id
       FOR UPDATE OF orders SKIP LOCKED)
UPDATE orders
   SET given_back = true
  FROM free
 WHERE orders.sale_no = $1 AND orders.order_id = free.order_id AND NOT coalesce(orders.given_back, true);
