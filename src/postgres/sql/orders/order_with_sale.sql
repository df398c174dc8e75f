SELECT orders.order_id, orders.item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities,
       coalesce(given_back, true) AS given_back, coalesce(sales.sale_id, '') AS sale_id
  FROM all_orders AS orders
  LEFT JOIN sales ON sales.sale_no = orders.sale_no
 WHERE orders.sale_no = $1 AND orders.order_id = $2;
