-- How unlike people a customer's checkouts in a sale were, as each process has seen it; only of whom there is something
-- to tell. Personal data: removed with the customer's name, with a rehearsal's orders, and when its time is over.
-- process_no is drawn at the start of a process: each writes what it has counted, and nobody adds to another's numbers.
-- rhythm_*, newcomer_*: count, mean and sum of squared distances of gaps in milliseconds.
CREATE TABLE customer_behaviour (
    sale_no          integer          NOT NULL,
    customer_id      text             COLLATE "C" NOT NULL,
    process_no       bigint           NOT NULL,
    seen_at          timestamptz      NOT NULL,
    score            smallint         NOT NULL,
    checkouts        bigint           NOT NULL,
    burst            bigint           NOT NULL,
    burst_ms         bigint           NOT NULL,
    burst_at         timestamptz      NOT NULL,
    rhythm_count     bigint           NOT NULL,
    rhythm_mean      double precision NOT NULL,
    rhythm_squares   double precision NOT NULL,
    opening_ms       bigint,
    returns          bigint           NOT NULL,
    fast_returns     bigint           NOT NULL,
    neighbours       bigint           NOT NULL,
    fast_neighbours  bigint           NOT NULL,
    newcomer_count   bigint           NOT NULL,
    newcomer_mean    double precision NOT NULL,
    newcomer_squares double precision NOT NULL,
    PRIMARY KEY (sale_no, customer_id, process_no)
);
