-- Money that came for orders of a rehearsal after these had been removed. Made again under the same key, such an order
-- has the same id, and would be marked for a refund that was never meant.
WITH unowed AS (
    DELETE FROM refunds
     USING rehearsal_orders
     WHERE refunds.sale_no = $1
       AND rehearsal_orders.sale_no = $1
       AND refunds.order_id = rehearsal_orders.order_id
       AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.sale_no = $1 AND orders.order_id = refunds.order_id)
    RETURNING refunds.order_id)
DELETE FROM payment_events
 USING unowed
 WHERE payment_events.sale_no = $1 AND payment_events.order_id = unowed.order_id;
