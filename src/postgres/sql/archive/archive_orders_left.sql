-- Some orders of a sale that are still to be moved. One that awaits payment waits until it has ended.
SELECT order_id
  FROM orders
 WHERE item_no BETWEEN $1 AND $2
   AND item_no = ANY ($3::integer[])
   AND status <> 2
 LIMIT $4;
