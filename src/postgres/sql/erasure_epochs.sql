-- The caller has locked the items.
UPDATE sales SET epoch = epoch + 1 WHERE sale_no = ANY ($1::integer[]) RETURNING sale_id;
