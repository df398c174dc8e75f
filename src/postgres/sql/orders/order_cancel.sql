-- $4: by its buyer, whom its sale may keep from it. If it is cancelled now, a row with the status that it had and its
-- count of changes.
WITH live AS (
    SELECT order_id, status
      FROM orders
     WHERE sale_no = $1
       AND order_id = $2
       AND status IN (1, 2)
       AND (NOT $4::boolean OR EXISTS (SELECT 1
                                         FROM sales
                                        WHERE sales.sale_no = $1
                                          AND (sales.cancellation = 0 AND orders.status = 2
                                               OR sales.cancellation = 1 AND sales.state <> 3
                                                  AND clock_timestamp() < sales.ends_at)))
       FOR NO KEY UPDATE)
UPDATE orders
   SET status = 3, given_back = false, changed_at = now(), expires_at = NULL, reason = NULLIF($3, ''),
       changes = changes + 1,
       refund_required = refund_required
                         OR EXISTS (SELECT 1
                                      FROM refunds
                                     WHERE refunds.sale_no = $1 AND refunds.order_id = orders.order_id)
  FROM live
 WHERE orders.sale_no = $1 AND orders.order_id = live.order_id
RETURNING live.status, changes;
