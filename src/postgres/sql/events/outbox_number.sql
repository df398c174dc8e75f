-- Positions of the first event of each row.
UPDATE outbox
   SET position = numbered.position
  FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS numbered (sale_no, row_no, position)
 WHERE outbox.sale_no = numbered.sale_no AND outbox.row_no = numbered.row_no;
