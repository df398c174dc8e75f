-- Whole rows, of those that nobody has locked. Both tables have the same columns.
WITH free AS (
    SELECT order_id
      FROM orders
     WHERE order_id = ANY ($1::uuid[]) AND status <> 2
     ORDER BY order_id
       FOR UPDATE SKIP LOCKED),
moved AS (
    DELETE FROM orders USING free WHERE orders.order_id = free.order_id RETURNING orders.*)
INSERT INTO archived_orders SELECT * FROM moved;
