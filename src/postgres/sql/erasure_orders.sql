-- What was written for a cancellation is text by or about the customer; any other status has a word of ours.
UPDATE orders
   SET customer_id = $3, reason = CASE WHEN status = 3 THEN NULL ELSE reason END
 WHERE order_id = ANY ($1::uuid[])
   AND customer_id = $2;
