-- Of these, those that have not been paid or cancelled meanwhile. + 0: by the key (orders_confirm_paid.sql).
WITH expired AS (
    UPDATE orders
       SET status = 4, given_back = false, changed_at = now(), changes = changes + 1,
           refund_required = refund_required
                             OR EXISTS (SELECT 1
                                          FROM refunds
                                         WHERE refunds.sale_no = $1 AND refunds.order_id = orders.order_id)
     WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND status + 0 = 2 AND expires_at <= now()
    RETURNING *)
SELECT order_id, item_no, customer_id, quantity, status, expired.created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities, sales.sale_id, sales.epoch, changes
  FROM expired
  JOIN sales ON sales.sale_no = $1
 ORDER BY item_no;
