-- card_hash: of the card that the message tells of, until the message is settled and has made its event; null where it
-- tells of none, or events.origin_key is not set.
ALTER TABLE payment_events ADD COLUMN card_hash text;
