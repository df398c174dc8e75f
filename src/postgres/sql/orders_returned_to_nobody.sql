-- Orders that ended after their sale was let go: nobody in Redis has to be told.
UPDATE orders
   SET given_back = true
  FROM items
  JOIN sales USING (sale_no)
 WHERE orders.given_back = false
   AND orders.item_no = items.item_no
   AND sales.let_go;
