-- With its sale's id.
SELECT sku, stock, sold, stock_version, items.epoch, sale_id
  FROM items
  JOIN sales ON sales.sale_no = items.sale_no
 WHERE items.sale_no = $1 AND item_no = $2
   FOR NO KEY UPDATE OF items;
