-- How many customers of a sale are in each band, by the highest score that one process has given them. $2: the least
-- score of each band but the first, rising.
SELECT width_bucket(score, $2::integer[]) AS band, count(*) AS customers
  FROM (SELECT max(score)::integer AS score
          FROM customer_behaviour
         WHERE sale_no = $1
         GROUP BY customer_id) AS customers
 GROUP BY band;
