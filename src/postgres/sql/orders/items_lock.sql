-- Every transaction that changes several items takes them in this order.
SELECT item_no, epoch, stock, sold
  FROM items
 WHERE item_no = ANY ($1::integer[])
 ORDER BY item_no
   FOR NO KEY UPDATE;
