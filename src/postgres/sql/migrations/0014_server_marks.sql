-- Random marks, one after the other, which instances and Redis remember: a server that has not got one that was seen in
-- it was put back to an older state.
-- xid, is_alone: whether anything has been written since. lost: marks that were missed when every sale began anew here.
CREATE TABLE server_marks (
    number   bigint      NOT NULL PRIMARY KEY,
    mark     text        NOT NULL DEFAULT gen_random_uuid()::text,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
    is_alone boolean     NOT NULL DEFAULT false,
    lost     text[]      NOT NULL DEFAULT '{}'
);

INSERT INTO server_marks (number) VALUES (0);
