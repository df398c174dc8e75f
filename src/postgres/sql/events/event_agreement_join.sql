-- For as long as the session lives. Nobody takes it for himself alone, so it is there for everybody.
SELECT pg_advisory_lock_shared($1, hashtext(current_schema()));
