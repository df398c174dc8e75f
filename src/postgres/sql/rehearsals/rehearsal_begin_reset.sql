-- $2: the number of `closed`. Whoever asks for a reset begins it, or begins it once more.
UPDATE sales
   SET reset_progress_at = now(),
       reset_closed_version = CASE WHEN state = $2::smallint THEN version END
 WHERE sale_no = $1 AND rehearsal
RETURNING reset_epoch;
