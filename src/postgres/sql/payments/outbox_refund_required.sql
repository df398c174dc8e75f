-- The shop's systems are told; the provider does the rest. $2 need not be an order that exists. Of a rehearsal nobody
-- is told.
INSERT INTO outbox (sale_no, type, payload)
SELECT $1, 'refund.required',
       json_build_object('order_id', $2::uuid, 'payment_id', $3::text, 'amount', $4::bigint, 'currency', $5::text,
                         'reason', $6::text)
 WHERE NOT EXISTS (SELECT 1 FROM sales WHERE sales.sale_no = $1 AND sales.rehearsal);
