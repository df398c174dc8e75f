-- Every row of a sale. $2: some may be archived.
SELECT order_id, item_no, customer_id, quantity, status, created_at, expires_at, reason,
       generation, coalesce(refund_required, false) AS refund_required,
       more_items, more_quantities, given_back
  FROM all_orders
 WHERE sale_no = $1 AND (NOT is_archived OR $2);
