-- Later tries of keys that were refused: the rows are locked. Whether money has to go back stays as it is.
UPDATE orders
   SET created_at = taken.created_at, item_no = taken.item_no, quantity = taken.quantity, status = taken.status,
       expires_at = taken.expires_at, customer_id = taken.customer_id, more_items = taken.more_items::integer[],
       more_quantities = taken.more_quantities::integer[], reason = NULL, changed_at = NULL, given_back = NULL,
       changes = changes + 1
  FROM unnest($2::uuid[], $3::timestamptz[], $4::integer[], $5::integer[], $6::smallint[], $7::timestamptz[],
              $8::text[], $9::text[], $10::text[])
       AS taken (order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items, more_quantities)
 WHERE orders.sale_no = $1 AND orders.order_id = taken.order_id
RETURNING orders.order_id, changes;
