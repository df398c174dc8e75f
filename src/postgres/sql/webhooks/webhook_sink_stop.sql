-- Nothing is kept for it any more.
UPDATE event_sinks SET is_active = false, changed_at = now() WHERE name = $1;
