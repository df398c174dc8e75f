-- One that is new is told of what comes from now on.
INSERT INTO event_sinks (name, kind, position)
SELECT $1, $2, last_position FROM event_line
ON CONFLICT (name) DO UPDATE SET is_active = true, kind = $2, changed_at = now()
RETURNING name, kind, position, is_active, last_error, failing_since;
