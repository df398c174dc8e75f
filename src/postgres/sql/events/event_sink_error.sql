UPDATE event_sinks
   SET last_error = $2,
       failing_since = CASE WHEN $2::text = '' THEN NULL ELSE coalesce(failing_since, now()) END,
       changed_at = now()
 WHERE name = $1;
