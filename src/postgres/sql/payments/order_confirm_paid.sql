-- A payment that came long before the order may have gone back: only now can the order be marked.
UPDATE orders
   SET status = 1, expires_at = NULL, changed_at = now(),
       refund_required = refund_required OR EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.order_id)
 WHERE order_id = $1 AND status = 2;
