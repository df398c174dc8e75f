-- A payment that came long before the order may have gone back: only now can the order be marked.
-- + 0: by the key. By the index of unpaid orders each payment would read all of the sale's, and the planner, whose
-- statistics are of before the sale, takes both for as cheap.
UPDATE orders
   SET status = 1, expires_at = NULL, changes = changes + 1, changed_at = now(),
       refund_required = refund_required
                         OR EXISTS (SELECT 1
                                      FROM refunds
                                     WHERE refunds.sale_no = $1 AND refunds.order_id = orders.order_id)
 WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND status + 0 = 2
RETURNING order_id, changes, coalesce(refund_required, false);
