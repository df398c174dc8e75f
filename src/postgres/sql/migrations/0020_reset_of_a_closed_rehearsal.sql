-- Of a reset under way that found its sale closed: the sale's version then. It opens the sale again unless somebody has
-- changed it since.
ALTER TABLE sales ADD COLUMN reset_closed_version bigint;
