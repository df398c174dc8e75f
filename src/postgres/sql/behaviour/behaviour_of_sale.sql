-- Rows of a sale with the highest scores, as each process has given them; of one customer ($2), or of all ('').
SELECT customer_id, seen_at, checkouts, burst, burst_ms, burst_at, rhythm_count, rhythm_mean, rhythm_squares,
       coalesce(opening_ms, -1) AS opening_ms, returns, fast_returns, neighbours, fast_neighbours, newcomer_count,
       newcomer_mean, newcomer_squares
  FROM customer_behaviour
 WHERE sale_no = $1 AND ($2 = '' OR customer_id = $2)
 ORDER BY score DESC, customer_id
 LIMIT $3;
