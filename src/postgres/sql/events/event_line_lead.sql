-- Whoever gets a row leads for the next $2 ms, and has the line locked until the transaction ends. $1: the process.
-- Also: from which transaction on there can be rows without a position (from any, on a server whose count begins anew),
-- and the one before which all have ended by now.
UPDATE event_line
   SET leader = $1, leader_until = clock_timestamp() + $2 * interval '1 millisecond'
 WHERE leader = $1 OR leader_until < clock_timestamp()
RETURNING last_position, gone_until,
          CASE WHEN seen_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN seen_xid::text ELSE '0' END,
          pg_snapshot_xmin(pg_current_snapshot())::text;
