-- Adds what one instance has counted of a sale. Parallel arrays in the order of the seconds: two instances never wait
-- for each other crosswise. Of a run whose first second lies $4 seconds back, or more, nothing is added.
INSERT INTO arrivals (sale_no, reset_epoch, second, checkouts)
SELECT $1::integer, run.reset_epoch, counted.second, counted.checkouts
  FROM unnest($2::bigint[], $3::bigint[]) AS counted (second, checkouts)
 CROSS JOIN (SELECT reset_epoch,
                    (SELECT min(second)
                       FROM arrivals
                      WHERE arrivals.sale_no = $1::integer AND arrivals.reset_epoch = sales.reset_epoch) AS begun
               FROM sales
              WHERE sale_no = $1::integer) AS run
 WHERE run.begun IS NULL OR counted.second < run.begun + $4
ON CONFLICT (sale_no, reset_epoch, second) DO UPDATE SET checkouts = arrivals.checkouts + excluded.checkouts;
