-- Orders that took units (all but rejected ones) by the moment of taking, in steps of $2 seconds.
SELECT date_bin($2 * interval '1 second', created_at, timestamptz 'epoch') AS at,
       count(*) FILTER (WHERE is_first) AS orders, sum(quantity)::bigint AS units
  FROM order_lines
 WHERE sale_no = $1
   AND (NOT is_archived OR $3)
   AND status <> 5
 GROUP BY 1
 ORDER BY 1;
