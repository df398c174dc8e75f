-- A draft is paused for the stores, and not public; an older version shows it as a sale that is paused.
-- cancellation: until when a buyer may cancel an order: 0 paid, 1 closed, 2 never.
ALTER TABLE sales
  ADD COLUMN is_draft boolean NOT NULL DEFAULT false,
  ADD COLUMN payment_attempts integer NOT NULL DEFAULT 3 CHECK (payment_attempts > 0),
  ADD COLUMN cancellation smallint NOT NULL DEFAULT 1 CHECK (cancellation BETWEEN 0 AND 2);
