-- The caller has locked the items. Redis holds nothing of a sale that was let go, and its epoch tells of the last.
UPDATE sales
   SET epoch = epoch + CASE WHEN let_go THEN 0 ELSE 1 END
 WHERE sale_no = ANY ($1::integer[])
RETURNING sale_id;
