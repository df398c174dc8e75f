-- Whole rows, of those that nobody has locked. Both tables have the same columns.
WITH free AS (
    SELECT order_id
      FROM orders
     WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND status <> 2
     ORDER BY order_id
       FOR UPDATE SKIP LOCKED),
moved AS (
    DELETE FROM orders USING free WHERE orders.sale_no = $1 AND orders.order_id = free.order_id RETURNING orders.*)
INSERT INTO archived_orders SELECT * FROM moved;
