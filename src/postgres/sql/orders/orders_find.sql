SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities
  FROM orders
 WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]);
