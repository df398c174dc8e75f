-- Tells the planner how many orders there are, where it takes them for far fewer: an empty table, or one whose rows
-- have all been archived, counts as empty until autovacuum comes, after a minute or after 200,000 rows. Until then
-- reading all of a sale looks cheaper than looking 100 orders up by their keys. As its owner does it, since only an
-- owner may; a small sample, since somebody waits. False: there is no need, or somebody else is at it.
CREATE FUNCTION refresh_order_statistics(rows_at_least bigint) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET default_statistics_target = 10
AS $$
BEGIN
    IF (SELECT reltuples >= rows_at_least FROM pg_class WHERE oid = 'orders'::regclass) THEN
        RETURN false;
    END IF;
    BEGIN
        LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
    EXCEPTION WHEN lock_not_available THEN
        RETURN false;
    END;
    ANALYZE orders;
    RETURN true;
END
$$;

-- Not the caller's schemas.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION refresh_order_statistics(bigint) SET search_path = %I, pg_temp', current_schema());
END
$$;

-- `migrate` grants it to whoever serves.
REVOKE EXECUTE ON FUNCTION refresh_order_statistics(bigint) FROM PUBLIC;
