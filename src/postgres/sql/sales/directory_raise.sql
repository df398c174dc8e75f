-- The directory's row is always the last that a transaction locks.
UPDATE directory SET version = version + 1 RETURNING version;
