-- One that is new is told of what comes from now on; one that comes back, of what is still kept.
INSERT INTO event_sinks (name, kind, position)
SELECT $1, $2, last_position FROM event_line
ON CONFLICT (name) DO UPDATE
   SET is_active = true, kind = $2, changed_at = now(),
       position = greatest(event_sinks.position, (SELECT gone_until FROM event_line))
RETURNING name, kind, position, is_active, last_error, failing_since, is_moved;
