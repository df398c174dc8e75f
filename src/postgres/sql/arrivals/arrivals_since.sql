-- Of the run of a sale that is under way, or was the last: from a second on, at most so many.
SELECT arrivals.second, arrivals.checkouts, arrivals.reset_epoch
  FROM arrivals
  JOIN sales ON sales.sale_no = arrivals.sale_no AND sales.reset_epoch = arrivals.reset_epoch
 WHERE arrivals.sale_no = $1 AND arrivals.second >= $2
 ORDER BY arrivals.second
 LIMIT $3;
