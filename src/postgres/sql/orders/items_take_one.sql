-- The last word on overselling (P1) and the fence against a lost Redis (PROTOCOL R1).
UPDATE items
   SET sold = sold + $4
 WHERE sale_no = $1 AND item_no = $2 AND epoch = $3 AND sold + $4 <= stock;
