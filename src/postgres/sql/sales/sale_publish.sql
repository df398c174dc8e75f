-- The caller holds the sale's row; the directory's row is always the last that a transaction locks.
WITH raised AS (UPDATE directory SET version = version + 1 RETURNING version)
UPDATE sales SET directory_version = raised.version FROM raised WHERE sale_no = $1;
