-- Numbers for $1 items: those after the one that is returned. The directory's row is always the last that a transaction
-- locks.
UPDATE directory SET last_item_no = last_item_no + $1 RETURNING last_item_no - $1;
