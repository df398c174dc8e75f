-- A page of a buyer's orders of a sale, in the order of their ids, so that it is read from the primary key and no
-- further than it goes: after $2, which may stand before the range, $3 to $4. $7: some may be archived.
SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities
  FROM all_orders
 WHERE sale_no = $1
   AND order_id > $2::uuid
   AND order_id BETWEEN $3::uuid AND $4::uuid
   AND customer_id = $5
   AND (NOT is_archived OR $7)
 ORDER BY order_id
 LIMIT $6;
