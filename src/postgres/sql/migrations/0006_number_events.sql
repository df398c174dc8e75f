-- Gives committed rows of the outbox their positions, at most `most` of them, and moves the end of the line: what takes
-- four statements, in one call, since it is made many times a second while events come. is_backlog: there are more than
-- one call takes. Rows of rehearsals go, unless they count.
-- last, gone: where the line ends and begins then; numbered: events; is_all: no row was left for the next call.
CREATE FUNCTION number_events(most integer, rehearsals_count boolean, is_backlog boolean, OUT last bigint,
                              OUT gone bigint, OUT numbered bigint, OUT is_all boolean)
LANGUAGE plpgsql
AS $$
DECLARE
    waiting refcursor;
    one record;
    seen xid8;
    ended xid8;
    taken integer := 0;
    sale_nos integer[];
    row_nos bigint[];
    positions bigint[];
    dropped_sale_nos integer[];
    dropped_row_nos bigint[];
BEGIN
    numbered := 0;
    is_all := true;
    -- From which transaction on there can be rows without a position (from any, on a server whose count begins anew).
    SELECT last_position, gone_until,
           CASE WHEN seen_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN seen_xid ELSE '0'::xid8 END
      INTO last, gone, seen
      FROM event_line;
    -- Nothing is written while nothing is there.
    IF NOT EXISTS (SELECT 1 FROM outbox WHERE position IS NULL AND xid >= seen) THEN
        RETURN;
    END IF;
    -- Locked until the transaction ends. Also: the transaction before which all have ended by now.
    SELECT last_position, gone_until,
           CASE WHEN seen_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN seen_xid ELSE '0'::xid8 END,
           pg_snapshot_xmin(pg_current_snapshot())
      INTO last, gone, seen, ended
      FROM event_line
       FOR UPDATE;
    -- In a statement of its own, which sees all that was committed before the line was locked. In an order that agrees
    -- with each order's and each sale's own: of one of them the first change comes before the second.
    IF is_backlog THEN
        OPEN waiting FOR
        SELECT oldest.sale_no, row_no, oldest.events, coalesce(sales.rehearsal, false) AS is_rehearsal
          FROM (SELECT sale_no, row_no, change_no, events
                  FROM outbox
                 WHERE position IS NULL
                 ORDER BY change_no, row_no
                 LIMIT most) AS oldest
          LEFT JOIN sales ON sales.sale_no = oldest.sale_no
         ORDER BY change_no, row_no;
    ELSE
        OPEN waiting FOR
        SELECT outbox.sale_no, row_no, outbox.events, coalesce(sales.rehearsal, false) AS is_rehearsal
          FROM outbox
          LEFT JOIN sales ON sales.sale_no = outbox.sale_no
         WHERE position IS NULL AND xid >= seen
         ORDER BY change_no, row_no
         LIMIT most;
    END IF;
    LOOP
        FETCH waiting INTO one;
        EXIT WHEN NOT FOUND;
        taken := taken + 1;
        IF one.is_rehearsal AND NOT rehearsals_count THEN
            dropped_sale_nos := dropped_sale_nos || one.sale_no;
            dropped_row_nos := dropped_row_nos || one.row_no;
        ELSE
            sale_nos := sale_nos || one.sale_no;
            row_nos := row_nos || one.row_no;
            positions := positions || (last + numbered + 1);
            numbered := numbered + one.events;
        END IF;
    END LOOP;
    CLOSE waiting;
    is_all := taken < most;
    IF taken = 0 THEN
        RETURN;
    END IF;
    -- Of the first event of each row.
    UPDATE outbox
       SET position = placed.position
      FROM unnest(sale_nos, row_nos, positions) AS placed (sale_no, row_no, position)
     WHERE outbox.sale_no = placed.sale_no AND outbox.row_no = placed.row_no;
    IF dropped_row_nos IS NOT NULL THEN
        DELETE FROM outbox
         USING unnest(dropped_sale_nos, dropped_row_nos) AS dropped (sale_no, row_no)
         WHERE outbox.sale_no = dropped.sale_no AND outbox.row_no = dropped.row_no;
    END IF;
    last := last + numbered;
    UPDATE event_line
       SET last_position = last,
           seen_xid = CASE WHEN seen_xid IS NULL OR NOT is_all THEN seen_xid ELSE ended END;
END
$$;
