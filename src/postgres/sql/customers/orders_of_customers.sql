-- All orders of these customers for these items, final ones too.
SELECT order_id, item_no, orders.customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities
  FROM unnest($1::text[]) AS wanted (customer_id)
  JOIN orders ON orders.customer_id = wanted.customer_id
 WHERE item_no = ANY ($2::integer[])
    OR more_items && $2::integer[];
