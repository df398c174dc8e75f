-- The reset that began after the one of epoch $2. One that it found closed ($3) opens again ($4) by its times unless it
-- was changed since.
UPDATE sales
   SET epoch = greatest(epoch, begun_anew_above + 1) + 1,
       reset_epoch = greatest(epoch, begun_anew_above + 1) + 1,
       let_go = false,
       reset_progress_at = NULL,
       reset_closed_version = NULL,
       version = sales.version + 1,
       state = CASE WHEN state = $3::smallint AND sales.version = reset_closed_version THEN $4::smallint ELSE state END
  FROM directory
 WHERE sale_no = $1 AND reset_epoch = $2 AND reset_progress_at IS NOT NULL
RETURNING epoch;
