-- Of these items, each with its sale, those of which a unit waits for its payment. One index tells of first lines, one
-- of the others. The limit has each item looked up by the index.
SELECT asked.item_no
  FROM unnest($1::integer[], $2::integer[]) AS asked (sale_no, item_no)
 CROSS JOIN LATERAL (SELECT 1
                       FROM orders
                      WHERE orders.sale_no = asked.sale_no AND orders.item_no = asked.item_no AND status = 2
                      LIMIT 1) AS unpaid
 UNION
SELECT more.item_no
  FROM orders
 CROSS JOIN LATERAL unnest(more_items) AS more (item_no)
 WHERE status = 2
   AND more_items IS NOT NULL
   AND more_items && $2::integer[]
   AND more.item_no = ANY ($2::integer[]);
