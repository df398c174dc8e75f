-- The epoch up to which the pending logs of a sale were drained: whatever an older one held is written. A rebuild that
-- fails before that leaves it where it was, so that the next one looks for the same log. 0: not known.
ALTER TABLE sales ADD COLUMN drained_epoch bigint NOT NULL DEFAULT 0;

-- Withdrawals of stock that were refused here although Redis had taken their units, and the epoch under which it had:
-- an entry of that epoch in the pending log is not carried out any more. The same change asked for again later, under a
-- newer epoch, is another one.
CREATE TABLE refused_withdrawals (
    change_id uuid        NOT NULL PRIMARY KEY,
    epoch     bigint      NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
