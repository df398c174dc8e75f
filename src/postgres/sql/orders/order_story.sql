-- What is kept of how an order came to be what it is, the oldest first. Its acceptance is known by its row alone.
--   $1 the sale, $2 the order's id
-- kind: 0 accepted by Redis, 1 an event that was left with a change (code: its type), 2 a message of the payment
-- provider (code: its outcome), 3 money that goes back. done_at: when the message was settled.
WITH row AS (
  SELECT created_at FROM orders WHERE sale_no = $1 AND order_id = $2::uuid
  UNION ALL
  SELECT created_at FROM archived_orders WHERE sale_no = $1 AND order_id = $2::uuid
)
SELECT at, kind, code, text, amount, currency, is_good, done_at
  FROM (SELECT created_at AS at, 0 AS kind, 0 AS code, '' AS text, 0::bigint AS amount, '' AS currency,
               true AS is_good, NULL::timestamptz AS done_at
          FROM row
         UNION ALL
        SELECT at, 1, type, coalesce(reason, ''), 0, '', true, expires_at
          FROM outbox
         WHERE sale_no = $1 AND order_ids @> ARRAY[$2::uuid]
         UNION ALL
        SELECT received_at, 2, outcome, payment_id, amount, currency, succeeded, settled_at
          FROM payment_events
         WHERE sale_no = $1 AND order_id = $2::uuid
         UNION ALL
        SELECT at, 3, 0, payment_id, amount, currency, true, NULL
          FROM refunds
         WHERE sale_no = $1 AND order_id = $2::uuid) AS moment
 ORDER BY at, kind;
