-- A batch whose orders may exist already. Parallel arrays, sorted by id: two sessions never wait for each other
-- crosswise. Only parameters in the conflict clause (Citus).
INSERT INTO orders (order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items,
                    more_quantities)
SELECT order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items::integer[],
       more_quantities::integer[]
  FROM unnest($1::uuid[], $2::timestamptz[], $3::integer[], $4::integer[], $5::smallint[], $6::timestamptz[],
              $7::text[], $8::text[], $9::text[])
       AS taken (order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items, more_quantities)
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id;
