-- Which PostgreSQL this is, and after how many promotions (PROTOCOL R6).
SELECT (SELECT system_identifier FROM pg_control_system())::text AS system_identifier,
       CASE WHEN pg_is_in_recovery() THEN lpad(to_hex((SELECT timeline_id FROM pg_control_checkpoint())), 8, '0')
            -- The control file learns of a promotion only at the next checkpoint.
            ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
       END AS timeline;
