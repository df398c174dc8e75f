-- As erasure_orders, and after it: what the archive takes meanwhile is here by now.
WITH named AS (
    SELECT order_id
      FROM archived_orders
     WHERE sale_no = $1
       AND order_id > $2::uuid
       AND order_id BETWEEN $3::uuid AND $4::uuid
       AND customer_id = $5
     ORDER BY order_id
     LIMIT $7
       FOR NO KEY UPDATE)
UPDATE archived_orders
   SET customer_id = $6,
       reason = CASE WHEN status = 3 AND reason <> 'payment_failed' THEN NULL ELSE reason END
 WHERE sale_no = $1
   AND order_id > $2::uuid
   AND order_id BETWEEN $3::uuid AND (SELECT order_id FROM named ORDER BY order_id DESC LIMIT 1)
   AND customer_id = $5
RETURNING order_id;
