-- The order that a payment is for, what is due, and its sale. The epoch is of the moment at which the row was read.
SELECT orders.order_id, orders.item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities,
       coalesce(given_back, true) AS given_back, sales.sale_id, sales.payment,
       (SELECT sum(items.price_amount * order_lines.quantity)::bigint
          FROM order_lines
          JOIN items ON items.sale_no = order_lines.sale_no AND items.item_no = order_lines.item_no
         WHERE order_lines.sale_no = $1 AND order_lines.order_id = $2) AS due,
       items.currency,
       coalesce(payment_failed, false) AS payment_failed, items.epoch, is_archived, sales.payment_attempts
  FROM all_orders AS orders
  JOIN items ON items.sale_no = orders.sale_no AND items.item_no = orders.item_no
  JOIN sales ON sales.sale_no = orders.sale_no
 WHERE orders.sale_no = $1 AND orders.order_id = $2;
