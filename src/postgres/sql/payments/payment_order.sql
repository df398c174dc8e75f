-- The order that a payment is for, what is due, and its sale. The epoch is of the moment at which the row was read.
SELECT order_id, item_no, customer_id, quantity, status, orders.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities,
       coalesce(given_back, true) AS given_back, sales.sale_no, sales.sale_id, sales.payment,
       items.price_amount * orders.quantity
           + coalesce((SELECT sum(other.price_amount * more.quantity)::bigint
                         FROM unnest(more_items, more_quantities) AS more (item_no, quantity)
                         JOIN items AS other USING (item_no)), 0) AS due,
       items.currency,
       coalesce(payment_failed, false) AS payment_failed, items.epoch, is_archived, sales.payment_attempts
  FROM all_orders AS orders
  JOIN items USING (item_no)
  JOIN sales USING (sale_no)
 WHERE orders.order_id = $1;
