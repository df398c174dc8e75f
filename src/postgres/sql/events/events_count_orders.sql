-- How many orders a sale has, and of how many no event is kept: they are older than those that are, or were made while
-- events were switched off.
WITH told AS (
    SELECT DISTINCT order_id
      FROM outbox
     CROSS JOIN LATERAL unnest(order_ids) AS told (order_id)
     WHERE sale_no = $1 AND type <= 6),
kept AS (
    SELECT order_id FROM orders WHERE sale_no = $1
     UNION ALL
    SELECT order_id FROM archived_orders WHERE sale_no = $1)
SELECT count(*), count(*) FILTER (WHERE told.order_id IS NULL)
  FROM kept
  LEFT JOIN told ON told.order_id = kept.order_id;
