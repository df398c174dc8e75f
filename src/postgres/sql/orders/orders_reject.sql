-- Orders of this very transaction that turn out to be too many.
UPDATE orders
   SET status = 5, reason = refused.reason, changed_at = now(), expires_at = NULL,
       refund_required = refund_required
                         OR EXISTS (SELECT 1
                                      FROM refunds
                                     WHERE refunds.sale_no = $1 AND refunds.order_id = orders.order_id)
  FROM unnest($2::uuid[], $3::text[]) AS refused (order_id, reason)
 WHERE orders.sale_no = $1 AND orders.order_id = refused.order_id;
