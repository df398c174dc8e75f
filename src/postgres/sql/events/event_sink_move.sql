-- By hand: also a sink that keeps a position itself begins there.
UPDATE event_sinks SET position = $2, is_moved = true, changed_at = now() WHERE name = $1;
