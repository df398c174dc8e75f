-- A closed sale whose keys in Redis are gone, since nothing in it can move any more.
ALTER TABLE sales ADD COLUMN let_go boolean NOT NULL DEFAULT false;
