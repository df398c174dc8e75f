-- How many customers have how many units of live orders ($3).
SELECT units, count(*) AS customers
  FROM (SELECT customer_id, sum(quantity)::bigint AS units
          FROM order_lines
         WHERE sale_no = $1 AND (NOT is_archived OR $2) AND status = ANY ($3::smallint[])
         GROUP BY customer_id) AS customer
 GROUP BY units
 ORDER BY units;
