UPDATE orders
   SET status = 3, given_back = false, changed_at = now(), expires_at = NULL, reason = 'payment_failed',
       payment_failed = true,
       refund_required = refund_required OR EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.order_id)
 WHERE order_id = $1 AND status = 2;
