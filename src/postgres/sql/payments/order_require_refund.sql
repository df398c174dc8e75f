-- Once for a payment: a row when it is new, with what is known of the order, and how often that has changed by now.
-- $2 need not be an order that exists.
WITH noted AS (
    INSERT INTO refunds (sale_no, order_id, payment_id, amount, currency, reason)
    VALUES ($1, $2::uuid, $3::text, $4, $5, $6)
    ON CONFLICT (sale_no, order_id, payment_id) DO NOTHING
    RETURNING order_id),
marked AS (
    UPDATE orders
       SET refund_required = true, changes = changes + (SELECT count(*) FROM noted)
     WHERE sale_no = $1 AND order_id = $2::uuid
    RETURNING order_id, status, changes),
marked_in_archive AS (
    UPDATE archived_orders
       SET refund_required = true, changes = changes + (SELECT count(*) FROM noted)
     WHERE sale_no = $1 AND order_id = $2::uuid
    RETURNING order_id, status, changes),
known AS (
    SELECT order_id, status, changes FROM marked
     UNION ALL
    SELECT order_id, status, changes FROM marked_in_archive)
SELECT coalesce(known.status, 0), coalesce(known.changes, 1)
  FROM noted
  LEFT JOIN known USING (order_id);
