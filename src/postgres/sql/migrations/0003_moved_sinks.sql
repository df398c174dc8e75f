-- is_moved: its position was set by hand, and nothing was delivered since. What a sink keeps itself, as Kafka does for
-- exactly once, does not count then.
ALTER TABLE event_sinks ADD COLUMN is_moved boolean NOT NULL DEFAULT false;
