-- The newest run of a sale comes first; $2: one that is under way counts, too.
SELECT arrivals.second, arrivals.checkouts, arrivals.reset_epoch
  FROM arrivals
  JOIN sales ON sales.sale_no = arrivals.sale_no
 WHERE arrivals.sale_no = $1 AND ($2 OR arrivals.reset_epoch < sales.reset_epoch)
 ORDER BY arrivals.reset_epoch DESC, arrivals.second
 LIMIT $3;
