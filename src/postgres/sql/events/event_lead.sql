-- For as long as the session lives; the number means nothing. Whoever leads writes nothing while nothing happens.
SELECT pg_try_advisory_lock(720453189, hashtext(current_schema()));
