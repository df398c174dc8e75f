-- The orders that payments are for, what is due, and their sale. The epoch is of the moment at which a row was read.
SELECT orders.order_id, orders.item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities,
       coalesce(given_back, true) AS given_back, sales.sale_id, sales.payment, due.amount, items.currency,
       coalesce(payment_failed, false) AS payment_failed, items.epoch, is_archived, sales.payment_attempts,
       EXISTS (SELECT 1
                 FROM payment_events
                WHERE payment_events.sale_no = $1 AND payment_events.order_id = orders.order_id) AS is_told_of
  FROM all_orders AS orders
  JOIN items ON items.sale_no = orders.sale_no AND items.item_no = orders.item_no
  JOIN sales ON sales.sale_no = orders.sale_no
  JOIN (SELECT order_lines.order_id, sum(items.price_amount * order_lines.quantity)::bigint AS amount
          FROM order_lines
          JOIN items ON items.sale_no = order_lines.sale_no AND items.item_no = order_lines.item_no
         WHERE order_lines.sale_no = $1 AND order_lines.order_id = ANY ($2::uuid[])
         GROUP BY order_lines.order_id) AS due ON due.order_id = orders.order_id
 WHERE orders.sale_no = $1 AND orders.order_id = ANY ($2::uuid[]);
