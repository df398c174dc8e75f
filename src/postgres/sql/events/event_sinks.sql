SELECT name, kind, position, is_active, last_error, failing_since, is_moved FROM event_sinks ORDER BY name;
