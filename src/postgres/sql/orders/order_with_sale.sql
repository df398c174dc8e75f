SELECT orders.order_id, orders.item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities,
       coalesce(given_back, true) AS given_back, coalesce(sales.sale_no, 0) AS sale_no,
       coalesce(sales.sale_id, '') AS sale_id
  FROM all_orders AS orders
  LEFT JOIN items ON items.item_no = orders.item_no
  LEFT JOIN sales ON sales.sale_no = items.sale_no
 WHERE orders.order_id = $1;
