-- Once for a payment. The shop's systems are told; the provider does the rest. $1 need not be an order that exists. Of
-- a rehearsal nobody is told.
WITH noted AS (
    INSERT INTO refunds (order_id, payment_id) VALUES ($1::uuid, $2::text)
    ON CONFLICT (order_id, payment_id) DO NOTHING
    RETURNING order_id),
marked AS (
    UPDATE orders SET refund_required = true WHERE order_id = $1::uuid),
marked_in_archive AS (
    UPDATE archived_orders SET refund_required = true WHERE order_id = $1::uuid)
INSERT INTO outbox (type, payload)
SELECT 'refund.required',
       json_build_object('order_id', $1::uuid, 'payment_id', $2::text, 'amount', $3::bigint, 'currency', $4::text,
                         'reason', $5::text)
  FROM noted
 WHERE NOT EXISTS (SELECT FROM rehearsal_orders WHERE rehearsal_orders.order_id = $1::uuid)
   AND NOT EXISTS (
           SELECT
             FROM orders
             JOIN items USING (item_no)
             JOIN sales USING (sale_no)
            WHERE orders.order_id = $1::uuid AND sales.rehearsal);
