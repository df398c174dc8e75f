-- An order of several lines counts at each of its items, and as `first` at one of them.
SELECT item_no, status, count(*) AS orders, count(*) FILTER (WHERE item_no = first_item_no) AS first,
       sum(quantity)::bigint AS units, min(created_at) AS first_at, max(created_at) AS last_at
  FROM order_lines
 WHERE first_item_no BETWEEN $1 AND $2
   AND item_no = ANY ($3::integer[])
   AND (NOT is_archived OR $4)
 GROUP BY item_no, status;
