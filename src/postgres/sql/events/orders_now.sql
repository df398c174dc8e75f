SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason, generation,
       coalesce(refund_required, false) AS refund_required, more_items, more_quantities, changes,
       coalesce(changed_at, created_at)
  FROM all_orders
 WHERE sale_no = $1 AND order_id > $2::uuid
 ORDER BY order_id
 LIMIT $3;
