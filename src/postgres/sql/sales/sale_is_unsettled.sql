-- Whether anything in a sale can still move: orders that await payment, units that Redis has not been told of, messages
-- of the payment provider that are open.
SELECT EXISTS (SELECT 1 FROM orders WHERE sale_no = $1 AND status = 2)
    OR EXISTS (SELECT 1 FROM orders WHERE sale_no = $1 AND given_back = false)
    OR EXISTS (SELECT 1
                 FROM payment_events
                 JOIN orders ON orders.sale_no = payment_events.sale_no AND orders.order_id = payment_events.order_id
                WHERE payment_events.sale_no = $1 AND outcome <= 1);
