UPDATE event_sinks
   SET position = $3, is_moved = false, changed_at = now()
 WHERE name = $1 AND position = $2;
