-- Numbers are given in the order of the arrays, after $8.
INSERT INTO items (sale_no, item_no, sku, name, price_amount, currency, stock, limit_per_customer)
SELECT $1, $8 + place, sku, name, price_amount, currency, stock, limit_per_customer
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::integer[])
       WITH ORDINALITY AS item (sku, name, price_amount, currency, stock, limit_per_customer, place)
 ORDER BY place;
