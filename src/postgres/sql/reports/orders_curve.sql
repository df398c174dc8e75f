-- Orders that took units (all but rejected ones) by the moment of taking, in steps of $4 seconds.
SELECT date_bin($4 * interval '1 second', created_at, timestamptz 'epoch') AS at, count(*) AS orders,
       sum(quantity + CASE WHEN more_quantities IS NULL THEN 0
                           ELSE (SELECT sum(more) FROM unnest(more_quantities) AS more)
                      END)::bigint AS units
  FROM all_orders
 WHERE item_no BETWEEN $1 AND $2
   AND item_no = ANY ($3::integer[])
   AND (NOT is_archived OR $5)
   AND status <> 5
 GROUP BY 1
 ORDER BY 1;
