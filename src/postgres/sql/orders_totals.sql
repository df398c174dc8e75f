SELECT item_no, status, count(*) AS orders, sum(quantity)::bigint AS units, min(created_at) AS first_at,
       max(created_at) AS last_at
  FROM all_orders
 WHERE item_no BETWEEN $1 AND $2
   AND item_no = ANY ($3::integer[])
   AND (NOT is_archived OR $4)
 GROUP BY item_no, status;
