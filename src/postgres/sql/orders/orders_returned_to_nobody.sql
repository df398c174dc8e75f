-- Orders that ended after their sale was let go: nobody in Redis has to be told. One that somebody has locked waits for
-- the next time.
WITH free AS (
    SELECT order_id
      FROM orders
      JOIN items USING (item_no)
      JOIN sales USING (sale_no)
     WHERE orders.given_back = false AND sales.let_go
     ORDER BY order_id
       FOR UPDATE OF orders SKIP LOCKED)
UPDATE orders SET given_back = true FROM free WHERE orders.order_id = free.order_id AND orders.given_back = false;
