-- Every transaction that changes several items takes them in this order.
SELECT item_no, epoch, stock, sold
  FROM items
 WHERE sale_no = $1 AND item_no = ANY ($2::integer[])
 ORDER BY item_no
   FOR NO KEY UPDATE;
