-- Rows that nobody is to be told of: of rehearsals.
DELETE FROM outbox
 USING unnest($1::integer[], $2::bigint[]) AS dropped (sale_no, row_no)
 WHERE outbox.sale_no = dropped.sale_no AND outbox.row_no = dropped.row_no;
