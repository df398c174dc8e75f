-- Some of a customer's orders, with their sale (0: its item is not known).
SELECT orders.order_id, coalesce(items.sale_no, 0) AS sale_no
  FROM all_orders AS orders
  LEFT JOIN items ON items.item_no = orders.item_no
 WHERE customer_id = $1
 ORDER BY orders.order_id
 LIMIT $2;
