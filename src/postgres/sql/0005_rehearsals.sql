-- A sale in which everything works, and nothing is meant: no event of it leaves, and all of it can be undone.
ALTER TABLE sales ADD COLUMN rehearsal boolean NOT NULL DEFAULT false;
