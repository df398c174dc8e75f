-- The reset that began after the one of epoch $2. None: it has been finished, and what is there now is not its own.
UPDATE sales SET reset_progress_at = now()
 WHERE sale_no = $1 AND reset_epoch = $2 AND reset_progress_at IS NOT NULL;
