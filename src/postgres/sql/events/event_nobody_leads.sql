-- Whether nobody leads, until this transaction ends: nobody begins to meanwhile.
SELECT pg_try_advisory_xact_lock(720453189, hashtext(current_schema()));
