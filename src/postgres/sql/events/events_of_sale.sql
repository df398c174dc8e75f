-- Every order of a sale beside the events that are kept of it. Wrong is: a change without an event, an event without a
-- change, two of one number, or a last one that tells another status than the order has. Orders that have not moved
-- since the oldest event was left may have none.
WITH told AS (
    SELECT order_id, count(*) AS events, min(change_no) AS first, max(change_no) AS last,
           (array_agg(type ORDER BY change_no DESC) FILTER (WHERE type <= 5))[1] AS status
      FROM outbox
     CROSS JOIN LATERAL unnest(order_ids) AS told (order_id)
     WHERE sale_no = $1 AND type <= 6
     GROUP BY order_id),
kept AS (
    SELECT order_id, changes, status, coalesce(changed_at, created_at) AS moved_at, created_at
      FROM orders
     WHERE sale_no = $1
     UNION ALL
    SELECT order_id, changes, status, coalesce(changed_at, created_at), created_at
      FROM archived_orders
     WHERE sale_no = $1),
beside AS (
    SELECT coalesce(kept.order_id, told.order_id) AS order_id, coalesce(changes, 0) AS changes,
           coalesce(events, 0) AS events, coalesce(first, 0) AS first, coalesce(last, 0) AS last,
           coalesce(kept.order_id IS NULL
                    OR told.order_id IS NULL AND moved_at > $2::timestamptz
                    OR last <> changes
                    OR events <> last - first + 1
                    OR first > 1 AND created_at > $2::timestamptz
                    OR told.status <> kept.status, false) AS is_wrong
      FROM kept
      FULL JOIN told ON told.order_id = kept.order_id)
SELECT order_id, changes, events, first, last, count(*) OVER ()
  FROM beside
 WHERE is_wrong
 ORDER BY order_id
 LIMIT 20;
