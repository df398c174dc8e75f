SELECT name, kind, position, is_active, last_error, failing_since FROM event_sinks ORDER BY name;
