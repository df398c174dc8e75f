SELECT sale_no, item_no, sku, name, price_amount, currency, stock, sold, limit_per_customer, stock_version
  FROM items
 WHERE sale_no = ANY ($1::integer[])
 ORDER BY sale_no, item_no;
