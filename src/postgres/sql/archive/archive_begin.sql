-- No order of such a sale is sold or brought back any more: its epoch is above all that Redis was ever given. A real
-- sale never leaves that state again; a rehearsal can be reset.
UPDATE sales SET archived_at = now() WHERE sale_no = $1 AND let_go AND NOT rehearsal AND archived_at IS NULL;
