-- Parallel arrays, sorted: two instances never wait for each other crosswise.
INSERT INTO sale_refusals (sale_no, reason, count)
SELECT *
  FROM unnest($1::integer[], $2::text[], $3::bigint[])
ON CONFLICT (sale_no, reason) DO UPDATE SET count = sale_refusals.count + excluded.count;
