-- Once for a payment: a row when it is new, with what is known of the order. $1 need not be an order that exists.
WITH noted AS (
    INSERT INTO refunds (order_id, payment_id) VALUES ($1::uuid, $2::text)
    ON CONFLICT (order_id, payment_id) DO NOTHING
    RETURNING order_id),
marked AS (
    UPDATE orders SET refund_required = true WHERE order_id = $1::uuid RETURNING order_id, item_no, status),
marked_in_archive AS (
    UPDATE archived_orders SET refund_required = true WHERE order_id = $1::uuid RETURNING order_id, item_no, status),
known AS (
    SELECT order_id, item_no, status FROM marked
     UNION ALL
    SELECT order_id, item_no, status FROM marked_in_archive)
SELECT coalesce(known.item_no, 0), coalesce(known.status, 0)
  FROM noted
  LEFT JOIN known USING (order_id);
