-- Sales, items and orders, as DESIGN section 6 and PROTOCOL R1, R3, R4, R11 and R12 need them.
-- A statement ends with a semicolon at the end of a line: the migrator sends each as a message of its own (Citus).
-- Distribution on Citus: orders by order_id, which is its whole primary key; every other table stays local.

-- One row. Every committed change of a sale's definition, stock or epoch raises the number, under the row's lock,
-- so that numbers are committed in their order and a reader that knows n misses nothing at or below n.
CREATE TABLE directory (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint  NOT NULL
);

INSERT INTO directory (version) VALUES (0);

CREATE TABLE sales (
    sale_no           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sale_id           text        COLLATE "C" NOT NULL UNIQUE,
    name              text        NOT NULL,
    state             smallint    NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    starts_at         timestamptz NOT NULL,
    ends_at           timestamptz NOT NULL,
    payment           smallint    NOT NULL DEFAULT 0 CHECK (payment BETWEEN 0 AND 1),
    payment_window_s  integer     NOT NULL DEFAULT 600 CHECK (payment_window_s > 0),
    queue_enabled     boolean     NOT NULL DEFAULT false,
    queue_rate_per_s  integer     NOT NULL DEFAULT 500,
    queue_prequeue_s  integer     NOT NULL DEFAULT 600,
    version           bigint      NOT NULL DEFAULT 1,
    epoch             bigint      NOT NULL DEFAULT 0,
    directory_version bigint      NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CHECK (starts_at < ends_at)
);

CREATE INDEX sales_by_directory_version ON sales (directory_version);

-- `sold` of a hot item is updated hundreds of times a second. No index holds a column that changes and most of each
-- page is left free, so that the updates stay heap-only and prune their own page.
CREATE TABLE items (
    item_no            integer  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sale_no            integer  NOT NULL REFERENCES sales (sale_no),
    limit_per_customer integer  NOT NULL DEFAULT 0 CHECK (limit_per_customer >= 0),
    stock              bigint   NOT NULL CHECK (stock >= 0),
    sold               bigint   NOT NULL DEFAULT 0,
    stock_version      bigint   NOT NULL DEFAULT 0,
    epoch              bigint   NOT NULL DEFAULT 0,
    price_amount       bigint   NOT NULL CHECK (price_amount >= 0),
    currency           text     NOT NULL,
    sku                text     COLLATE "C" NOT NULL,
    name               text     NOT NULL,
    CONSTRAINT items_never_oversold CHECK (sold >= 0 AND sold <= stock),
    UNIQUE (sale_no, sku)
) WITH (
    fillfactor = 20,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.5,
    autovacuum_analyze_threshold = 100000
);

-- One row for every order that PostgreSQL has ever had the last word on; rows are never deleted (PROTOCOL R4).
-- status: 1 confirmed, 2 awaiting_payment, 3 cancelled, 4 expired, 5 rejected.
-- given_back: null: nothing to give back; false: the unit is free here, Redis has not been told; true: it has.
-- item_no has no foreign key: Citus allows those to reference tables only, and each would lock the hot item's row.
CREATE TABLE orders (
    created_at  timestamptz NOT NULL,
    order_id    uuid        NOT NULL PRIMARY KEY,
    item_no     integer     NOT NULL,
    quantity    integer     NOT NULL CHECK (quantity > 0),
    status      smallint    NOT NULL,
    generation  smallint    NOT NULL DEFAULT 0,
    expires_at  timestamptz,
    changed_at  timestamptz,
    given_back  boolean,
    customer_id text        COLLATE "C" NOT NULL,
    reason      text
) WITH (
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 200000
);

-- A hash: with a million orders it costs about 2 us an order where a B-tree costs 3.5. Lists are sorted after it.
CREATE INDEX orders_by_customer ON orders USING hash (customer_id);

-- A sale's rows lie together in time, so a summary of each 32 pages finds them; costs next to nothing to keep.
CREATE INDEX orders_by_item ON orders USING brin (item_no) WITH (pages_per_range = 32, autosummarize = on);

CREATE INDEX orders_to_give_back ON orders (changed_at) WHERE given_back = false;

CREATE INDEX orders_to_expire ON orders (expires_at) WHERE status = 2;

-- Numbered changes of an item's stock (PROTOCOL R12): version n + 1 follows n.
CREATE TABLE stock_changes (
    item_no     integer     NOT NULL,
    version     bigint      NOT NULL,
    change_id   uuid        NOT NULL UNIQUE,
    delta       bigint      NOT NULL,
    stock_after bigint      NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    who         text        NOT NULL,
    PRIMARY KEY (item_no, version)
);

CREATE TABLE admin_log (
    entry_no bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text        NOT NULL,
    action   text        NOT NULL,
    subject  text        NOT NULL,
    change   json        NOT NULL
);

CREATE VIEW order_units AS
SELECT orders.order_id,
       sales.sale_id::text AS sale_id,
       orders.customer_id::text AS customer_id,
       items.sku::text AS sku,
       orders.quantity,
       CASE orders.status
           WHEN 1 THEN 'confirmed'
           WHEN 2 THEN 'awaiting_payment'
           WHEN 3 THEN 'cancelled'
           WHEN 4 THEN 'expired'
           WHEN 5 THEN 'rejected'
       END AS status
  FROM orders
  JOIN items ON items.item_no = orders.item_no
  JOIN sales ON sales.sale_no = items.sale_no;

CREATE VIEW item_stock AS
SELECT sales.sale_id::text AS sale_id, items.sku::text AS sku, items.stock, items.sold
  FROM items
  JOIN sales ON sales.sale_no = items.sale_no;
