-- A page of a buyer's orders, newest first; $2 and $3 are empty for the first page. The bound is one comparison of
-- whole rows, so that each table's index is read from there on, and no further than the page.
SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities
  FROM all_orders
 WHERE customer_id = $1
   AND (created_at, order_id) < (coalesce(NULLIF($2, '')::timestamptz, 'infinity'),
                                 coalesce(NULLIF($3, '')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY created_at DESC, order_id DESC
 LIMIT $4;
