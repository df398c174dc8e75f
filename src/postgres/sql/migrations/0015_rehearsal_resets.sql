-- When the reset of a rehearsal has last got on; null when none is under way. One that nobody is at any more is
-- finished by any instance.
ALTER TABLE sales ADD COLUMN reset_progress_at timestamptz;
