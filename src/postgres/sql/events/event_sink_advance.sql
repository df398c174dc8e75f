-- Ten times a second and more, so the commit does not wait for the disk: should the server crash, events of the last
-- moment are told again.
UPDATE event_sinks
   SET position = $3, is_moved = false, changed_at = now()
 WHERE name = $1 AND position = $2
RETURNING set_config('synchronous_commit', 'off', true);
