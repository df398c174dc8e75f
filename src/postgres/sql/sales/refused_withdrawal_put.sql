INSERT INTO refused_withdrawals (change_id, epoch)
VALUES ($1, $2)
    ON CONFLICT (change_id)
    DO UPDATE SET epoch = greatest(refused_withdrawals.epoch, excluded.epoch), at = now();
