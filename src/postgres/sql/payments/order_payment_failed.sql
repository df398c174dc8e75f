-- + 0: by the key (orders_confirm_paid.sql).
UPDATE orders
   SET status = 3, given_back = false, changes = changes + 1, changed_at = now(), expires_at = NULL,
       reason = 'payment_failed', payment_failed = true,
       refund_required = refund_required
                         OR EXISTS (SELECT 1
                                      FROM refunds
                                     WHERE refunds.sale_no = $1 AND refunds.order_id = orders.order_id)
 WHERE sale_no = $1 AND order_id = $2 AND status + 0 = 2
RETURNING changes;
