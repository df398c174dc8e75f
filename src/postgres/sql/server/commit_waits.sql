-- Makes the COMMIT of a transaction that has only read wait, for the disk and for a synchronous standby, as one that
-- writes does. A row that is seen need not have got there: when a COMMIT that waits for its standby is broken off
-- (its session terminated, the server crashed), the row is shown all the same, and a failover loses it.
SELECT pg_logical_emit_message(true, 'flashsale', '');
