-- It goes on where it was, or where the line of events begins now.
UPDATE event_sinks
   SET is_active = true,
       position = greatest(event_sinks.position, gone_until),
       last_error = '',
       failing_since = NULL,
       changed_at = now()
  FROM event_line
 WHERE name = $1;
