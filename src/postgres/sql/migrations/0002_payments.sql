-- Payments: what the provider has told, what became of it, and money that has to go back (PROTOCOL R16).

-- refund_required: money came for the order that it is not, or no longer, worth. payment_failed: that is what has ended
-- it, so a later payment may bring it back. Null for nearly all: they cost nothing there.
ALTER TABLE orders ADD COLUMN refund_required boolean, ADD COLUMN payment_failed boolean;

-- One row for each message of the provider; its id makes a repetition harmless.
-- outcome: 0 waiting (the order is not written yet), 1 late (units are to be taken again), 2 confirmed, 3 failed,
-- 4 refund required, 5 ignored.
CREATE TABLE payment_events (
    webhook_id  text        COLLATE "C" NOT NULL PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz,
    order_id    uuid        NOT NULL,
    payment_id  text        COLLATE "C" NOT NULL,
    succeeded   boolean     NOT NULL,
    amount      bigint      NOT NULL,
    currency    text        NOT NULL,
    outcome     smallint    NOT NULL DEFAULT 0
);

CREATE INDEX payment_events_by_order ON payment_events (order_id);

CREATE INDEX payment_events_open ON payment_events (webhook_id) WHERE outcome <= 1;

-- Payments whose money has to go back: each once, whoever finds it out and however often.
CREATE TABLE refunds (
    order_id   uuid NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (order_id, payment_id)
);

-- Events for the shop's other systems, written in the transaction that they tell of.
CREATE TABLE outbox (
    event_no bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    type     text        NOT NULL,
    payload  json        NOT NULL
);
