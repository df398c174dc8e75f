-- Of one sale. Parallel arrays, sorted: two instances never wait for each other crosswise.
INSERT INTO refusals (sale_no, reason, count)
SELECT $1, reason, count
  FROM unnest($2::text[], $3::bigint[]) AS counted (reason, count)
ON CONFLICT (sale_no, reason) DO UPDATE SET count = refusals.count + excluded.count;
