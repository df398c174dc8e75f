-- The same for several items, whose rows are locked already.
UPDATE items
   SET sold = items.sold + taken.units
  FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS taken (item_no, epoch, units)
 WHERE items.sale_no = $1
   AND items.item_no = taken.item_no
   AND items.epoch = taken.epoch
   AND items.sold + taken.units <= items.stock;
