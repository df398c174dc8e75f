-- How many checkouts of a sale were refused, by reason. Refusals leave no rows; each instance counts them and adds what
-- is new once a second. Without a foreign key: a count must not fail for a sale that a restored backup does not know.
CREATE TABLE sale_refusals (
    sale_no integer NOT NULL,
    reason  text    COLLATE "C" NOT NULL,
    count   bigint  NOT NULL CHECK (count >= 0),
    PRIMARY KEY (sale_no, reason)
) WITH (fillfactor = 50);
