-- The mark after $1, unless another instance has made it. It was alone if nobody whose transaction began before is
-- still at it: what such a one commits is not covered by the mark.
INSERT INTO server_marks (number, is_alone)
VALUES ($1::bigint + 1, pg_snapshot_xmin(pg_current_snapshot()) = pg_current_xact_id())
ON CONFLICT (number) DO NOTHING
RETURNING mark;
