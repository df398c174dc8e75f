-- As erasure_orders, and after it: what the archive takes meanwhile is here by now.
UPDATE archived_orders
   SET customer_id = $3,
       reason = CASE WHEN status = 3 AND reason <> 'payment_failed' THEN NULL ELSE reason END
 WHERE order_id = ANY ($1::uuid[])
   AND customer_id = $2;
