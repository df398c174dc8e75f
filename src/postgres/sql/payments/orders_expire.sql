-- Of these, those that have not been paid or cancelled meanwhile.
WITH expired AS (
    UPDATE orders
       SET status = 4, given_back = false, changed_at = now(),
           refund_required = refund_required OR EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.order_id)
     WHERE order_id = ANY ($1::uuid[]) AND status = 2 AND expires_at <= now()
    RETURNING *)
SELECT order_id, item_no, customer_id, quantity, status, expired.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities, sales.sale_id, sales.epoch
  FROM expired
  JOIN items USING (item_no)
  JOIN sales USING (sale_no)
 ORDER BY item_no;
