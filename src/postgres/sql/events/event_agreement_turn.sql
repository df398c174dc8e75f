-- One at a time, until the transaction ends; the number means nothing.
SELECT pg_advisory_xact_lock(720453192, hashtext(current_schema()));
