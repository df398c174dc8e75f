-- $4, $5: after this one, in the order of their change; empty: from the first.
SELECT orders.order_id, orders.item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities, sales.sale_id, sales.epoch, changed_at
  FROM orders
  JOIN sales ON sales.sale_no = orders.sale_no
 WHERE orders.sale_no = $1
   AND given_back = false
   AND changed_at <= now() - $2 * interval '1 millisecond'
   AND ($4 = '' OR (changed_at, orders.order_id) > (NULLIF($4, '')::timestamptz, NULLIF($5, '')::uuid))
 ORDER BY changed_at, orders.order_id
 LIMIT $3;
