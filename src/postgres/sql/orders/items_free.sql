-- Those of the items that nobody holds at the moment.
SELECT item_no FROM items WHERE item_no = ANY ($1::integer[]) ORDER BY item_no FOR NO KEY UPDATE SKIP LOCKED;
