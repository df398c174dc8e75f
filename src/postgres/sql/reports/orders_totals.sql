-- An order of several lines counts at each of its items, and as `first` at one of them.
SELECT item_no, status, count(*) AS orders, count(*) FILTER (WHERE is_first) AS first,
       sum(quantity)::bigint AS units, min(created_at) AS first_at, max(created_at) AS last_at
  FROM order_lines
 WHERE sale_no = $1 AND (NOT is_archived OR $2)
 GROUP BY item_no, status;
