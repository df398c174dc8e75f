-- Messages that have confirmed their orders. Parallel arrays, in the order of the messages' ids: two transactions that
-- bring the same ones wait for each other in one direction only.
INSERT INTO payment_events (sale_no, webhook_id, order_id, payment_id, succeeded, amount, currency, outcome, settled_at)
SELECT $1, webhook_id, order_id, payment_id, true, amount, currency, 2, now()
  FROM unnest($2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::text[])
       AS told (webhook_id, order_id, payment_id, amount, currency)
ON CONFLICT (sale_no, webhook_id) DO NOTHING;
