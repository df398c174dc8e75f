SELECT orders.order_id, orders.item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities, sales.sale_id, sales.epoch
  FROM orders
  JOIN items ON items.item_no = orders.item_no
  JOIN sales ON sales.sale_no = items.sale_no
 WHERE given_back = false
   AND sales.sale_no = ANY ($3::integer[])
   AND changed_at <= now() - $1 * interval '1 millisecond'
 ORDER BY changed_at
 LIMIT $2;
