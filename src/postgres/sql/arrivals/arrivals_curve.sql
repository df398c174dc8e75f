-- Of the run of a sale that is under way, or was the last, in steps of $2 seconds since 1970.
SELECT date_bin($2 * interval '1 second', to_timestamp(arrivals.second), timestamptz 'epoch') AS at,
       sum(arrivals.checkouts)::bigint AS checkouts
  FROM arrivals
  JOIN sales ON sales.sale_no = arrivals.sale_no AND sales.reset_epoch = arrivals.reset_epoch
 WHERE arrivals.sale_no = $1
 GROUP BY 1
 ORDER BY 1;
