-- A page of a buyer's orders, newest first; $2 is empty for the first page.
SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities
  FROM all_orders
 WHERE customer_id = $1
   AND ($2 = '' OR (created_at, order_id) < (NULLIF($2, '')::timestamptz, NULLIF($3, '')::uuid))
 ORDER BY created_at DESC, order_id DESC
 LIMIT $4;
