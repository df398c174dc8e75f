-- Orders of this very transaction that turn out to be too many.
UPDATE orders
   SET status = 5, reason = refused.reason, changed_at = now(), expires_at = NULL,
       refund_required = refund_required OR EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.order_id)
  FROM unnest($1::uuid[], $2::text[]) AS refused (order_id, reason)
 WHERE orders.order_id = refused.order_id;
