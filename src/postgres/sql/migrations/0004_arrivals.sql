-- How many checkouts came to a sale in each second in which it was open, refused ones too: the curve that a forecast is
-- made of, that of this sale and those of later ones. There is no row for a second in which nobody came, and none
-- behind the first hours.
-- reset_epoch: the sale's. So each run of a rehearsal has a curve of its own.
-- second: since 1970, by Redis's clock.
CREATE TABLE arrivals (
    sale_no     integer NOT NULL,
    reset_epoch bigint  NOT NULL,
    second      bigint  NOT NULL,
    checkouts   bigint  NOT NULL CHECK (checkouts > 0),
    PRIMARY KEY (sale_no, reset_epoch, second)
);
