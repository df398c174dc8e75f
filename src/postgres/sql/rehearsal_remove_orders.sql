-- Rows of orders are removed in no other place: nobody can be owed anything of a rehearsal.
DELETE FROM orders WHERE item_no BETWEEN $1 AND $2 AND item_no = ANY ($3::integer[]);
