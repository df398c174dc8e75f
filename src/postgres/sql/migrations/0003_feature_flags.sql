-- Features that were set at run time; one that is not here is at its default, which the code knows. A change raises
-- directory.version, so that it reaches every instance as a change of a sale does.
-- sales: the setting counts for these alone; empty: for all.
CREATE TABLE feature_flags (
    name       text        COLLATE "C" NOT NULL PRIMARY KEY,
    enabled    boolean     NOT NULL,
    percent    smallint    NOT NULL CHECK (percent BETWEEN 0 AND 100),
    sales      text[]      NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL DEFAULT now()
);
