-- As behaviour_insert, of customers who were written before. A row that is not there any more stays away: it was
-- erased. Who is still there is returned.
UPDATE customer_behaviour
   SET seen_at = found.seen_at, score = found.score, checkouts = found.checkouts, burst = found.burst,
       burst_ms = found.burst_ms, burst_at = found.burst_at, rhythm_count = found.rhythm_count,
       rhythm_mean = found.rhythm_mean, rhythm_squares = found.rhythm_squares, opening_ms = found.opening_ms,
       returns = found.returns, fast_returns = found.fast_returns, neighbours = found.neighbours,
       fast_neighbours = found.fast_neighbours, newcomer_count = found.newcomer_count,
       newcomer_mean = found.newcomer_mean, newcomer_squares = found.newcomer_squares
  FROM json_to_recordset($3::json)
       AS found (customer_id text, seen_at timestamptz, score smallint, checkouts bigint, burst bigint, burst_ms bigint,
                 burst_at timestamptz, rhythm_count bigint, rhythm_mean double precision,
                 rhythm_squares double precision, opening_ms bigint, returns bigint, fast_returns bigint,
                 neighbours bigint, fast_neighbours bigint, newcomer_count bigint, newcomer_mean double precision,
                 newcomer_squares double precision)
 WHERE customer_behaviour.sale_no = $1
   AND customer_behaviour.process_no = $2
   AND customer_behaviour.customer_id = found.customer_id
RETURNING customer_behaviour.customer_id;
