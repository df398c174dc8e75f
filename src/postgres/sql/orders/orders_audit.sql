SELECT item_no,
       coalesce(sum(quantity) FILTER (WHERE status IN (1, 2)), 0)::bigint AS live_units,
       coalesce(sum(quantity) FILTER (WHERE status IN (1, 2) AND created_at <= $2), 0)::bigint AS live_units_until,
       coalesce(sum(quantity) FILTER (WHERE given_back = false AND created_at <= $2), 0)::bigint
           AS freed_units_until,
       coalesce(sum(quantity) FILTER (WHERE given_back = false), 0)::bigint AS freed_units,
       max(created_at) FILTER (WHERE status IN (1, 2) OR given_back = false) AS newest
  FROM order_lines
 WHERE sale_no = $1 AND (NOT is_archived OR $3)
 GROUP BY item_no;
