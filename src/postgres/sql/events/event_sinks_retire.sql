UPDATE event_sinks
   SET is_active = false, changed_at = now()
 WHERE is_active AND kind = ANY ($1::text[]) AND name <> ALL ($2::text[]);
