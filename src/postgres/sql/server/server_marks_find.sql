-- The marks of these numbers, the oldest one and the newest one, with whether something was written since, and whether
-- it was made just now.
SELECT number, mark,
       NOT is_alone OR pg_snapshot_xmax(pg_current_snapshot())::text::bigint <> xid::text::bigint + 1 AS is_behind,
       at BETWEEN clock_timestamp() - interval '150 milliseconds' AND clock_timestamp() AS is_fresh
  FROM server_marks
 WHERE number = ANY ($1::bigint[])
    OR number = (SELECT min(number) FROM server_marks)
    OR number = (SELECT max(number) FROM server_marks)
 ORDER BY number;
