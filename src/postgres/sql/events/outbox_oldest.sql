-- When the oldest event that is kept was left.
SELECT coalesce(min(at), 'infinity') FROM outbox;
