-- $1: the new last position. $2: what transactions before this one have left is numbered; empty: not all of it.
UPDATE event_line
   SET last_position = $1,
       seen_xid = CASE WHEN seen_xid IS NULL OR $2::text = '' THEN seen_xid ELSE $2::xid8 END;
