-- The same when there are more than one look takes, in their order by the index.
SELECT taken.sale_no, row_no, taken.events, coalesce(sales.rehearsal, false)
  FROM (SELECT sale_no, row_no, change_no, events
          FROM outbox
         WHERE position IS NULL
         ORDER BY change_no, row_no
         LIMIT $1) AS taken
  LEFT JOIN sales ON sales.sale_no = taken.sale_no
 ORDER BY change_no, row_no;
