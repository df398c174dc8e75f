-- Adds what one instance has counted of a sale. Parallel arrays in the order of the seconds: two instances never wait
-- for each other crosswise.
INSERT INTO arrivals (sale_no, reset_epoch, second, checkouts)
SELECT $1::integer, reset_epoch, second, checkouts
  FROM unnest($2::bigint[], $3::bigint[]) AS counted (second, checkouts)
 CROSS JOIN (SELECT reset_epoch FROM sales WHERE sale_no = $1::integer) AS run
ON CONFLICT (sale_no, reset_epoch, second) DO UPDATE SET checkouts = arrivals.checkouts + excluded.checkouts;
