-- A batch whose orders may exist already. Parallel arrays, sorted by id: two sessions never wait for each other
-- crosswise. Only parameters in the conflict clause (Citus).
INSERT INTO orders (sale_no, order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items,
                    more_quantities)
SELECT $1, order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items::integer[],
       more_quantities::integer[]
  FROM unnest($2::uuid[], $3::timestamptz[], $4::integer[], $5::integer[], $6::smallint[], $7::timestamptz[],
              $8::text[], $9::text[], $10::text[])
       AS taken (order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items, more_quantities)
ON CONFLICT (sale_no, order_id) DO NOTHING
RETURNING order_id;
