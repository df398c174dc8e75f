-- Money that came for orders of rehearsals after these had been removed. Made again under the same key, such an order
-- has the same id, and would be marked for a refund that was never meant.
WITH unowed AS (
    DELETE FROM refunds USING rehearsal_orders
     WHERE refunds.order_id = rehearsal_orders.order_id
       AND NOT EXISTS (SELECT FROM orders WHERE orders.order_id = refunds.order_id)
    RETURNING refunds.order_id)
DELETE FROM payment_events USING unowed WHERE payment_events.order_id = unowed.order_id;
