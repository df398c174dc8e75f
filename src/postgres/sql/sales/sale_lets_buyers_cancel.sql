-- Whether the buyer of an order that is not written yet may cancel it: $1 its items. One that something is due for
-- would wait for its payment.
SELECT CASE sales.cancellation
           WHEN 0 THEN sales.payment = 1 AND bool_or(items.price_amount > 0)
           WHEN 1 THEN sales.state <> 3 AND clock_timestamp() < sales.ends_at
           ELSE false
       END
  FROM items
  JOIN sales USING (sale_no)
 WHERE items.item_no = ANY ($1::integer[])
 GROUP BY sales.sale_no;
