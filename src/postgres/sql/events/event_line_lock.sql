-- Locks the line until the transaction ends. Also: from which transaction on there can be rows without a position (from
-- any, on a server whose count begins anew), and the one before which all have ended by now.
SELECT last_position, gone_until,
       CASE WHEN seen_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN seen_xid::text ELSE '0' END,
       pg_snapshot_xmin(pg_current_snapshot())::text
  FROM event_line
   FOR UPDATE;
