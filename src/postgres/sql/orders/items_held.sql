-- Those of a sale's items whose rows somebody holds at the moment. One that is not there is nobody's.
WITH free AS (
  SELECT item_no
    FROM items
   WHERE sale_no = $1 AND item_no = ANY ($2::integer[])
   ORDER BY item_no
     FOR NO KEY UPDATE SKIP LOCKED
)
SELECT item_no FROM items WHERE sale_no = $1 AND item_no = ANY ($2::integer[])
EXCEPT
SELECT item_no FROM free;
