-- The same for several items, whose rows are locked already.
UPDATE items
   SET sold = items.sold + taken.units
  FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS taken (item_no, epoch, units)
 WHERE items.item_no = taken.item_no
   AND items.epoch = taken.epoch
   AND items.sold + taken.units <= items.stock;
