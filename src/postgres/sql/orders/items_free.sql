-- Units of orders that have ended. Of several items the rows are locked already.
UPDATE items
   SET sold = items.sold - freed.units
  FROM unnest($2::integer[], $3::bigint[]) AS freed (item_no, units)
 WHERE items.sale_no = $1 AND items.item_no = freed.item_no;
