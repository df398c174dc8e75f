-- Committed and not yet numbered, left by transaction $2 or a later one, in an order that agrees with each order's and
-- each sale's own: of one of them the first change comes before the second. To be read while the line is locked.
SELECT outbox.sale_no, row_no, outbox.events, coalesce(sales.rehearsal, false)
  FROM outbox
  LEFT JOIN sales ON sales.sale_no = outbox.sale_no
 WHERE position IS NULL AND xid >= $2::xid8
 ORDER BY change_no, row_no
 LIMIT $1;
