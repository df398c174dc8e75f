-- Whether anything in a sale can still move: orders that await payment, units that Redis has not been told of, messages
-- of the payment provider that are open.
SELECT EXISTS (SELECT
                 FROM orders
                WHERE item_no = ANY ($1::integer[]) AND status = 2)
    OR EXISTS (SELECT
                 FROM orders
                WHERE item_no = ANY ($1::integer[]) AND given_back = false)
    OR EXISTS (SELECT
                 FROM payment_events
                 JOIN orders USING (order_id)
                WHERE outcome <= 1 AND item_no = ANY ($1::integer[]));
