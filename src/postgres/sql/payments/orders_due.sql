-- Orders whose time to pay is over, oldest first: without those that somebody has locked, which must not hold up the
-- others, and without those of the items $2, whose units cannot come back at the moment.
SELECT order_id
  FROM orders
 WHERE status = 2
   AND expires_at <= now()
   AND item_no <> ALL ($2::integer[])
   AND NOT coalesce(more_items && $2::integer[], false)
 ORDER BY expires_at
 LIMIT $1
   FOR UPDATE SKIP LOCKED;
