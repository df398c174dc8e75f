-- $3: by its buyer, whom its sale may keep from it. A row with the status that it had, if it is cancelled now.
WITH live AS (
    SELECT order_id, status
      FROM orders
     WHERE order_id = $1
       AND status IN (1, 2)
       AND (NOT $3::boolean OR EXISTS (SELECT
                                         FROM items
                                         JOIN sales USING (sale_no)
                                        WHERE items.item_no = orders.item_no
                                          AND CASE sales.cancellation
                                                  WHEN 0 THEN orders.status = 2
                                                  WHEN 1 THEN sales.state <> 3 AND clock_timestamp() < sales.ends_at
                                                  ELSE false
                                              END))
       FOR NO KEY UPDATE)
UPDATE orders
   SET status = 3, given_back = false, changed_at = now(), expires_at = NULL, reason = NULLIF($2, ''),
       refund_required = refund_required OR EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.order_id)
  FROM live
 WHERE orders.order_id = live.order_id
RETURNING live.status;
