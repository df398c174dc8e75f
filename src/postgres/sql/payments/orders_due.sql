-- Orders of a sale whose time to pay is over, oldest first: without those that somebody has locked, which must not hold
-- up the others, and without those of the items $3, whose units cannot come back at the moment.
SELECT order_id
  FROM orders
 WHERE sale_no = $1
   AND status = 2
   AND expires_at <= now()
   AND item_no <> ALL ($3::integer[])
   AND NOT coalesce(more_items && $3::integer[], false)
 ORDER BY expires_at
 LIMIT $2
   FOR UPDATE SKIP LOCKED;
