-- Some orders of a sale that are still to be moved. One that awaits payment waits until it has ended.
SELECT order_id
  FROM orders
 WHERE sale_no = $1
   AND status <> 2
 LIMIT $2;
