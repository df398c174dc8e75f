-- Every row of a sale. The range of item numbers lets the BRIN index skip the other sales. $4: some may be archived.
SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities, given_back
  FROM all_orders
 WHERE item_no BETWEEN $1 AND $2
   AND item_no = ANY ($3::integer[])
   AND (NOT is_archived OR $4);
