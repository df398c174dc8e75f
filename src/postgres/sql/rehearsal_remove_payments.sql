DELETE FROM payment_events
 USING orders
 WHERE payment_events.order_id = orders.order_id
   AND orders.item_no BETWEEN $1 AND $2
   AND orders.item_no = ANY ($3::integer[]);
