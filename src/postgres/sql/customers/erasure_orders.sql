-- What was written for a cancellation is text by or about the customer. Any other reason is a word of ours, which tells
-- what may still become of the order.
UPDATE orders
   SET customer_id = $3,
       reason = CASE WHEN status = 3 AND reason <> 'payment_failed' THEN NULL ELSE reason END
 WHERE order_id = ANY ($1::uuid[])
   AND customer_id = $2;
