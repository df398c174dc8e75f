-- Every sale whose epoch is not above this one is to be rebuilt before it is served: PostgreSQL had gone back in time.
-- Its epoch counts as the one after this until then.
ALTER TABLE directory ADD COLUMN begun_anew_above bigint NOT NULL DEFAULT -1;
