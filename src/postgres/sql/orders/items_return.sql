-- Units of orders that have ended. Of several items the rows are locked already.
UPDATE items
   SET sold = items.sold - returned.units
  FROM unnest($1::integer[], $2::bigint[]) AS returned (item_no, units)
 WHERE items.item_no = returned.item_no;
