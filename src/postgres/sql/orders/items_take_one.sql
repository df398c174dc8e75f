-- The last word on overselling (P1) and the fence against a lost Redis (PROTOCOL R1).
UPDATE items SET sold = sold + $3 WHERE item_no = $1 AND epoch = $2 AND sold + $3 <= stock;
