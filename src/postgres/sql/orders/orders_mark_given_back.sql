-- Of the generation that Redis was told of: one taken again since, and ended again, is another matter. An order that
-- somebody has locked is left for the next time: Redis may be told again. coalesce: by the key and not by the index of
-- all that are to be given back (orders_confirm_paid.sql).
WITH free AS (
    SELECT orders.order_id, orders.generation
      FROM unnest($2::uuid[], $3::smallint[]) AS told (order_id, generation)
      JOIN orders USING (order_id, generation)
     WHERE orders.sale_no = $1 AND NOT coalesce(orders.given_back, true)
     ORDER BY orders.order_id
       FOR UPDATE OF orders SKIP LOCKED)
UPDATE orders
   SET given_back = true
  FROM free
 WHERE orders.sale_no = $1
   AND orders.order_id = free.order_id
   AND orders.generation = free.generation
   AND NOT coalesce(orders.given_back, true);
