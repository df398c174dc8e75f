-- Whether the buyer of an order that is not written yet may cancel it: $2 its items. One that something is due for
-- would wait for its payment.
SELECT sales.cancellation = 0 AND sales.payment = 1 AND bool_or(items.price_amount > 0)
       OR sales.cancellation = 1 AND sales.state <> 3 AND clock_timestamp() < sales.ends_at
  FROM items
  JOIN sales ON sales.sale_no = items.sale_no
 WHERE items.sale_no = $1 AND items.item_no = ANY ($2::integer[])
 GROUP BY sales.sale_no;
