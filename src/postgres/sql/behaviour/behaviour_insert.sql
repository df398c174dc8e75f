-- What a process has found of customers of a sale for the first time: $3, a JSON array. It may have found one before
-- and forgotten it since; what was begun anew does not weaken what stands.
INSERT INTO customer_behaviour
       (sale_no, customer_id, process_no, seen_at, score, checkouts, burst, burst_ms, burst_at, rhythm_count,
        rhythm_mean, rhythm_squares, opening_ms, returns, fast_returns, neighbours, fast_neighbours, newcomer_count,
        newcomer_mean, newcomer_squares)
SELECT $1, customer_id, $2, seen_at, score, checkouts, burst, burst_ms, burst_at, rhythm_count, rhythm_mean,
       rhythm_squares, opening_ms, returns, fast_returns, neighbours, fast_neighbours, newcomer_count, newcomer_mean,
       newcomer_squares
  FROM json_to_recordset($3::json)
       AS found (customer_id text, seen_at timestamptz, score smallint, checkouts bigint, burst bigint, burst_ms bigint,
                 burst_at timestamptz, rhythm_count bigint, rhythm_mean double precision,
                 rhythm_squares double precision, opening_ms bigint, returns bigint, fast_returns bigint,
                 neighbours bigint, fast_neighbours bigint, newcomer_count bigint, newcomer_mean double precision,
                 newcomer_squares double precision)
 ORDER BY customer_id COLLATE "C"
    ON CONFLICT (sale_no, customer_id, process_no) DO UPDATE
   SET seen_at = excluded.seen_at, score = excluded.score, checkouts = excluded.checkouts, burst = excluded.burst,
       burst_ms = excluded.burst_ms, burst_at = excluded.burst_at, rhythm_count = excluded.rhythm_count,
       rhythm_mean = excluded.rhythm_mean, rhythm_squares = excluded.rhythm_squares,
       opening_ms = excluded.opening_ms, returns = excluded.returns, fast_returns = excluded.fast_returns,
       neighbours = excluded.neighbours, fast_neighbours = excluded.fast_neighbours,
       newcomer_count = excluded.newcomer_count, newcomer_mean = excluded.newcomer_mean,
       newcomer_squares = excluded.newcomer_squares
 WHERE excluded.score >= customer_behaviour.score;
