-- PostgreSQL judges once more what the caller has judged under the row's lock.
UPDATE items
   SET stock = stock + $2, stock_version = stock_version + 1
 WHERE item_no = $1 AND sold <= stock + $2;
