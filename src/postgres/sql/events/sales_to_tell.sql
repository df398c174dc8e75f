-- Sales of which something is to be told that no transaction has brought about: they have opened or ended by the clock,
-- all of their units are sold, or some have come back.
SELECT sales.sale_no
  FROM sales
  JOIN items ON items.sale_no = sales.sale_no
 WHERE told_state <> 3 AND NOT is_draft
 GROUP BY sales.sale_no
HAVING ends_at <= clock_timestamp()
    OR state = 0 AND told_state = 0 AND starts_at <= clock_timestamp()
    OR told_sold_out <> bool_and(sold >= items.stock);
