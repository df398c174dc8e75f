-- The shop's systems are told; the provider does the rest. $1 need not be an order that exists. Of a rehearsal nobody
-- is told.
INSERT INTO outbox (type, payload)
SELECT 'refund.required',
       json_build_object('order_id', $1::uuid, 'payment_id', $2::text, 'amount', $3::bigint, 'currency', $4::text,
                         'reason', $5::text)
 WHERE NOT EXISTS (SELECT FROM rehearsal_orders WHERE rehearsal_orders.order_id = $1::uuid)
   AND NOT EXISTS (
           SELECT
             FROM orders
             JOIN items USING (item_no)
             JOIN sales USING (sale_no)
            WHERE orders.order_id = $1::uuid AND sales.rehearsal);
