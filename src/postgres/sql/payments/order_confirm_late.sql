-- Its units have been taken again, in Redis and from the item (PROTOCOL R16).
UPDATE orders
   SET status = 1, generation = $3, given_back = NULL, expires_at = NULL, reason = NULL, payment_failed = NULL,
       changed_at = now(), changes = changes + 1
 WHERE sale_no = $1 AND order_id = $2
RETURNING changes;
