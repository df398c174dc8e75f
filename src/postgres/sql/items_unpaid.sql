-- Of these items, those of which a unit waits for its payment.
SELECT item_no
  FROM unnest($1::integer[]) AS asked (item_no)
 WHERE EXISTS (SELECT FROM orders WHERE orders.item_no = asked.item_no AND status = 2);
