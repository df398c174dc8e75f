-- Those of the items whose rows somebody holds at the moment. One that is not there is nobody's.
WITH free AS (
  SELECT item_no FROM items WHERE item_no = ANY ($1::integer[]) ORDER BY item_no FOR NO KEY UPDATE SKIP LOCKED
)
SELECT item_no FROM items WHERE item_no = ANY ($1::integer[])
EXCEPT
SELECT item_no FROM free;
