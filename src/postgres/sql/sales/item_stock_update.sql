-- PostgreSQL judges once more what the caller has judged under the row's lock.
UPDATE items
   SET stock = stock + $3, stock_version = stock_version + 1
 WHERE sale_no = $1 AND item_no = $2 AND sold <= stock + $3;
