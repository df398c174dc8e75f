-- Payments that the provider has told of and that are for orders of other systems: for whoever looks for them, and
-- nothing is done about them. `order_id` is what the message has in its place, cut to 255 characters.
CREATE TABLE foreign_payments (
    webhook_id  text        COLLATE "C" NOT NULL,
    order_id    text        COLLATE "C" NOT NULL,
    payment_id  text        COLLATE "C" NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    succeeded   boolean     NOT NULL,
    amount      bigint      NOT NULL,
    currency    text        NOT NULL,
    PRIMARY KEY (webhook_id, order_id, payment_id)
);
