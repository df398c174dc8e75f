INSERT INTO refused_withdrawals (sale_no, change_id, epoch)
VALUES ($1, $2, $3)
    ON CONFLICT (sale_no, change_id)
    DO UPDATE SET epoch = greatest(refused_withdrawals.epoch, excluded.epoch), at = now();
