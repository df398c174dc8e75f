-- Of these items, those of which a unit waits for its payment. One index tells of first lines, one of the others.
SELECT item_no
  FROM unnest($1::integer[]) AS asked (item_no)
 WHERE EXISTS (SELECT FROM orders WHERE orders.item_no = asked.item_no AND status = 2)
 UNION
SELECT more.item_no
  FROM orders
 CROSS JOIN LATERAL unnest(more_items) AS more (item_no)
 WHERE status = 2
   AND more_items IS NOT NULL
   AND more_items && $1::integer[]
   AND more.item_no = ANY ($1::integer[]);
