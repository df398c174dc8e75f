-- A statement ends with a semicolon at the end of a line: the migrator sends each as a message of its own (Citus).
--
-- A sale is the unit of everything. Every table that holds something of a sale carries `sale_no`, first in its primary
-- key, so that a transaction of one sale is one of one shard (docs/decisions.md). What is of no sale, and the sales
-- themselves, stand apart: they change rarely.

-- One row. Every committed change of a sale's definition, stock or epoch, or of a flag, raises the version, under the
-- row's lock, so that versions are committed in their order and a reader that knows n misses nothing at or below n.
-- begun_anew_above: every sale whose epoch is not above it is to be rebuilt before it is served, since PostgreSQL had
-- gone back in time. Its epoch counts as the one after this until then.
-- last_item_no: the highest number that an item was given.
-- order_salt: makes order ids, with which nobody else can tell a customer from an id. It must never change.
CREATE TABLE directory (
    only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version          bigint  NOT NULL,
    begun_anew_above bigint  NOT NULL DEFAULT -1,
    last_item_no     integer NOT NULL DEFAULT 0,
    order_salt       uuid    NOT NULL
);

INSERT INTO directory (version, order_salt) VALUES (0, gen_random_uuid());

-- sale_no: random, so that an order's id, which begins with it, says nothing of how many sales there are.
-- state: 0 scheduled, 1 open, 2 paused, 3 closed. A draft is paused for the stores, and not public.
-- cancellation: until when a buyer may cancel an order: 0 paid, 1 closed, 2 never.
-- max_orders_per_customer: orders count for good, whatever became of them, so what is kept of one customer is bounded.
-- reset_epoch: what a rehearsal accepted before it has been undone, wherever it still stands.
-- reset_progress_at: when the reset of a rehearsal has last got on; null when none is under way.
-- reset_closed_version: of a reset under way that found its sale closed: the sale's version then.
-- let_go: closed, and its keys in Redis are gone, since nothing in it can move any more.
-- archived_at: the moment from which its orders may stand in the archive; null: none does.
-- events: how many have told of it. told_state, told_sold_out: what they have told last, of what comes by the clock or
-- by its orders.
-- drained_epoch: every log of an older epoch is written, so a rebuild that fails leaves it where it was. 0: not known.
CREATE TABLE sales (
    sale_no                 integer     NOT NULL PRIMARY KEY CHECK (sale_no > 0),
    sale_id                 text        COLLATE "C" NOT NULL UNIQUE,
    name                    text        NOT NULL,
    state                   smallint    NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    is_draft                boolean     NOT NULL DEFAULT false,
    starts_at               timestamptz NOT NULL,
    ends_at                 timestamptz NOT NULL,
    payment                 smallint    NOT NULL DEFAULT 0 CHECK (payment BETWEEN 0 AND 1),
    payment_window_s        integer     NOT NULL DEFAULT 600 CHECK (payment_window_s > 0),
    payment_attempts        integer     NOT NULL DEFAULT 3 CHECK (payment_attempts > 0),
    cancellation            smallint    NOT NULL DEFAULT 1 CHECK (cancellation BETWEEN 0 AND 2),
    max_orders_per_customer integer     NOT NULL DEFAULT 100 CHECK (max_orders_per_customer > 0),
    max_quantity_per_order  integer     NOT NULL DEFAULT 1000000 CHECK (max_quantity_per_order > 0),
    queue_enabled           boolean     NOT NULL DEFAULT false,
    queue_rate_per_s        integer     NOT NULL DEFAULT 500,
    queue_prequeue_s        integer     NOT NULL DEFAULT 600,
    rehearsal               boolean     NOT NULL DEFAULT false,
    reset_epoch             bigint      NOT NULL DEFAULT 0,
    reset_progress_at       timestamptz,
    reset_closed_version    bigint,
    let_go                  boolean     NOT NULL DEFAULT false,
    archived_at             timestamptz,
    events                  integer     NOT NULL DEFAULT 0,
    told_state              smallint    NOT NULL DEFAULT 0,
    told_sold_out           boolean     NOT NULL DEFAULT false,
    version                 bigint      NOT NULL DEFAULT 1,
    epoch                   bigint      NOT NULL DEFAULT 0,
    drained_epoch           bigint      NOT NULL DEFAULT 0,
    directory_version       bigint      NOT NULL,
    created_at              timestamptz NOT NULL DEFAULT now(),
    CHECK (starts_at < ends_at)
);

CREATE INDEX sales_by_directory_version ON sales (directory_version);

-- `sold` of a hot item is updated hundreds of times a second. No index holds a column that changes and most of each
-- page is left free, so that the updates stay heap-only and prune their own page.
-- item_no: unique over all sales, too.
CREATE TABLE items (
    sale_no            integer  NOT NULL REFERENCES sales (sale_no),
    item_no            integer  NOT NULL CHECK (item_no > 0),
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
    PRIMARY KEY (sale_no, item_no),
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
-- The primary key is all that finds them: an id begins with its sale and its customer's hash (PROTOCOL R18), so one
-- customer's orders of a sale are a range of it.
-- status: 1 confirmed, 2 awaiting_payment, 3 cancelled, 4 expired, 5 rejected.
-- given_back: null: nothing to give back; false: the unit is free here, Redis has not been told; true: it has.
-- refund_required: money came for the order that it is not, or no longer, worth. payment_failed: that is what has ended
-- it, so a later payment may bring it back. Null for nearly all: they cost nothing there.
-- more_items, more_quantities: an order's first line, of the lowest item number, stands in item_no and quantity; its
-- others, in the order of their items, stand in these two. Null for an order of one line. One row an order: a status
-- changes once for all lines.
-- changes: how often the order has changed, its making included; each is told of by its number.
-- item_no has no foreign key: it would lock the hot item's row.
CREATE TABLE orders (
    created_at      timestamptz NOT NULL,
    order_id        uuid        NOT NULL,
    sale_no         integer     NOT NULL,
    item_no         integer     NOT NULL,
    quantity        integer     NOT NULL CHECK (quantity > 0),
    status          smallint    NOT NULL,
    generation      smallint    NOT NULL DEFAULT 0,
    expires_at      timestamptz,
    changed_at      timestamptz,
    given_back      boolean,
    customer_id     text        COLLATE "C" NOT NULL,
    reason          text,
    refund_required boolean,
    payment_failed  boolean,
    more_items      integer[],
    more_quantities integer[],
    changes         integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (sale_no, order_id),
    CONSTRAINT orders_have_whole_lines CHECK (
        (more_items IS NULL) = (more_quantities IS NULL)
        AND cardinality(more_items) BETWEEN 1 AND 9
        AND cardinality(more_items) = cardinality(more_quantities)
        AND item_no < ALL (more_items)
        AND 0 < ALL (more_quantities))
) WITH (
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 200000
);

CREATE INDEX orders_to_give_back ON orders (sale_no, changed_at) WHERE given_back = false;

CREATE INDEX orders_to_expire ON orders (sale_no, expires_at) WHERE status = 2;

-- Whether any unit of an item waits for its payment, for the catalog. Only unpaid orders are in these two.
CREATE INDEX orders_unpaid_by_item ON orders (item_no, sale_no) WHERE status = 2;

CREATE INDEX orders_unpaid_with_more_lines ON orders USING gin (more_items)
 WHERE status = 2 AND more_items IS NOT NULL;

-- Where the lines behind an order's first one are. Only carts are in it.
CREATE INDEX orders_with_more_lines ON orders (sale_no) WHERE more_items IS NOT NULL;

-- Orders of past sales, out of the way of those that sell: `flashsaled archive` moves them here for good. An order
-- stands in one of the two tables. Both have the same columns in the same order. Nothing here can move. (The check also
-- tells the planner that whoever looks for unpaid orders finds none.)
CREATE TABLE archived_orders (
    LIKE orders INCLUDING CONSTRAINTS,
    PRIMARY KEY (sale_no, order_id),
    CONSTRAINT archived_orders_not_unpaid CHECK (status <> 2)
);

CREATE INDEX archived_orders_with_more_lines ON archived_orders (sale_no) WHERE more_items IS NOT NULL;

-- Numbered changes of an item's stock (PROTOCOL R12): version n + 1 follows n.
CREATE TABLE stock_changes (
    sale_no     integer     NOT NULL,
    item_no     integer     NOT NULL,
    version     bigint      NOT NULL,
    change_id   uuid        NOT NULL,
    delta       bigint      NOT NULL,
    stock_after bigint      NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    who         text        NOT NULL,
    PRIMARY KEY (sale_no, item_no, version),
    UNIQUE (sale_no, change_id)
);

-- Withdrawals of stock that were refused here although Redis had taken their units, and the epoch under which it had:
-- an entry of that epoch in the pending log is not carried out any more. The same change asked for again later, under a
-- newer epoch, is another one.
CREATE TABLE refused_withdrawals (
    sale_no   integer     NOT NULL,
    change_id uuid        NOT NULL,
    epoch     bigint      NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sale_no, change_id)
);

-- One row for each message of the payment provider; its id makes a repetition harmless. The sale is the one that the
-- order's id names, whether it is known or not.
-- outcome: 0 waiting (the order is not written yet), 1 late (units are to be taken again), 2 confirmed, 3 failed,
-- 4 refund required, 5 ignored, 6 of another system, 7 declined.
CREATE TABLE payment_events (
    sale_no     integer     NOT NULL,
    webhook_id  text        COLLATE "C" NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz,
    order_id    uuid        NOT NULL,
    payment_id  text        COLLATE "C" NOT NULL,
    succeeded   boolean     NOT NULL,
    amount      bigint      NOT NULL,
    currency    text        NOT NULL,
    outcome     smallint    NOT NULL DEFAULT 0,
    PRIMARY KEY (sale_no, webhook_id)
);

CREATE INDEX payment_events_by_order ON payment_events (sale_no, order_id);

CREATE INDEX payment_events_open ON payment_events (sale_no, webhook_id) WHERE outcome <= 1;

-- Payments whose money has to go back: each once, whoever finds it out and however often. The order need not exist.
CREATE TABLE refunds (
    sale_no    integer     NOT NULL,
    order_id   uuid        NOT NULL,
    payment_id text        COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    amount     bigint      NOT NULL,
    currency   text        NOT NULL,
    reason     text        NOT NULL,
    PRIMARY KEY (sale_no, order_id, payment_id)
);

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

-- What the shop's other systems are to be told of, written in the transaction that it tells of (docs/decisions.md). A
-- row holds one event or more, all of one type; what is of no sale has sale_no 0.
-- change_no: which change of its order, or of its sale, each of them is: 1, 2, … The row of a later one is behind it.
-- position: of the first event; the others follow. Null: committed, and not yet numbered.
-- order_ids: of the orders, whose rows have the rest; null: the event is none of an order's, or of one without a row.
-- payload: what the rows of orders do not have, or not for long.
-- xid: of the transaction that has left the row.
CREATE TABLE outbox (
    sale_no    integer     NOT NULL,
    row_no     bigint      GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    position   bigint,
    change_no  integer     NOT NULL,
    events     integer     NOT NULL CHECK (events > 0),
    type       smallint    NOT NULL,
    order_ids  uuid[],
    reason     text,
    expires_at timestamptz,
    payload    json,
    xid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (sale_no, row_no)
) WITH (
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05
);

-- Random bytes do not get smaller.
ALTER TABLE outbox ALTER COLUMN order_ids SET STORAGE EXTERNAL;

CREATE INDEX outbox_unnumbered ON outbox (xid) WHERE position IS NULL;

-- For a backlog, of which each look takes the first.
CREATE INDEX outbox_backlog ON outbox (change_no, row_no) WHERE position IS NULL;

-- Texts by or about customers, for erasures.
CREATE INDEX outbox_reasons ON outbox (sale_no, (order_ids[1])) WHERE type = 3 AND reason <> 'payment_failed';

CREATE INDEX outbox_by_position ON outbox (position) WHERE position IS NOT NULL;

-- One row: where the line of events ends and begins. Whoever numbers events locks it.
-- last_position: of the newest event; 0: there is none.
-- gone_until: events up to this position are not kept any more.
-- seen_xid: what transactions before this one have left is numbered; so nobody walks over what the index remembers of
-- rows that were. Null on several servers, whose transactions have numbers of their own.
-- leader: the process that was the last to begin to number events; it does so while it holds an advisory lock.
CREATE TABLE event_line (
    only_row      boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    last_position bigint      NOT NULL DEFAULT 0,
    gone_until    bigint      NOT NULL DEFAULT 0,
    seen_xid      xid8        DEFAULT '0',
    leader        text        COLLATE "C" NOT NULL DEFAULT ''
) WITH (fillfactor = 20);

INSERT INTO event_line DEFAULT VALUES;

-- Who is told of events, and up to which position they have been. What is not set up any more stays, not active, so
-- that it can go on where it was.
CREATE TABLE event_sinks (
    name          text        COLLATE "C" NOT NULL PRIMARY KEY,
    kind          text        COLLATE "C" NOT NULL,
    position      bigint      NOT NULL,
    is_active     boolean     NOT NULL DEFAULT true,
    last_error    text        NOT NULL DEFAULT '',
    failing_since timestamptz,
    changed_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20);

-- Where events are sent by HTTP. Each has a row in event_sinks, webhook:ID, that says how far it has been told.
-- types: names of types, or beginnings and a *; none: all.
-- previous_secret signs, too, until previous_until.
-- failing_since: nothing has got through since then; null: the last attempt did.
CREATE TABLE webhooks (
    webhook_id      text        COLLATE "C" NOT NULL PRIMARY KEY,
    url             text        NOT NULL,
    types           text[]      NOT NULL,
    secret          text        NOT NULL,
    previous_secret text        NOT NULL DEFAULT '',
    previous_until  timestamptz NOT NULL DEFAULT '-infinity',
    is_paused       boolean     NOT NULL DEFAULT false,
    disabled_at     timestamptz,
    disabled_reason text        NOT NULL DEFAULT '',
    failing_since   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- Events that an endpoint has not taken yet and that others went past: the first of each key is tried again when its
-- time has come, the others wait behind it.
CREATE TABLE webhook_retries (
    webhook_id    text        COLLATE "C" NOT NULL,
    position      bigint      NOT NULL,
    partition_key text        COLLATE "C" NOT NULL,
    failures      integer     NOT NULL,
    next_at       timestamptz NOT NULL,
    PRIMARY KEY (webhook_id, position)
);

-- The last attempts of each endpoint, for whoever looks why nothing arrives. status 0: there was no answer.
CREATE TABLE webhook_deliveries (
    webhook_id  text        COLLATE "C" NOT NULL,
    delivery_no bigint      GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    event_id    text        NOT NULL,
    type        smallint    NOT NULL,
    attempt     integer     NOT NULL,
    status      integer     NOT NULL,
    error       text        NOT NULL,
    time_ms     integer     NOT NULL,
    PRIMARY KEY (webhook_id, delivery_no)
);

-- How many checkouts of a sale were refused, by reason. Refusals leave no rows; each instance counts them and adds what
-- is new once a second. Without a foreign key: a count must not fail for a sale that a restored backup does not know.
CREATE TABLE refusals (
    sale_no integer NOT NULL,
    reason  text    COLLATE "C" NOT NULL,
    count   bigint  NOT NULL CHECK (count >= 0),
    PRIMARY KEY (sale_no, reason)
) WITH (fillfactor = 50);

-- Orders that the reset of a rehearsal has removed: a message of their payments is no event of the shop's.
CREATE TABLE rehearsal_orders (
    sale_no  integer NOT NULL,
    order_id uuid    NOT NULL,
    PRIMARY KEY (sale_no, order_id)
);

-- Pseudonyms that have taken a customer's place here, and of which Redis is still to be told: written with the orders
-- in one transaction, and removed when Redis holds the name no more. first_order_id: where the customer's range of
-- orders begins, since a pseudonym does not lead there.
CREATE TABLE erased_names (
    sale_no        integer NOT NULL,
    pseudonym      text    COLLATE "C" NOT NULL,
    first_order_id uuid    NOT NULL,
    PRIMARY KEY (sale_no, pseudonym)
);

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

CREATE TABLE admin_log (
    entry_no bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text        NOT NULL,
    action   text        NOT NULL,
    subject  text        NOT NULL,
    change   json        NOT NULL
);

-- Random marks, one after the other, which instances and Redis remember: a server that has not got one that was seen in
-- it was put back to an older state.
-- xid, is_alone: whether anything has been written since. lost: marks that were missed when every sale began anew here.
CREATE TABLE server_marks (
    number   bigint      NOT NULL PRIMARY KEY,
    mark     text        NOT NULL DEFAULT gen_random_uuid()::text,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
    is_alone boolean     NOT NULL DEFAULT false,
    lost     text[]      NOT NULL DEFAULT '{}'
);

INSERT INTO server_marks (number) VALUES (0);

-- Every order, wherever it stands. Whoever reads one sale says whether it may be archived: otherwise the archive is not
-- looked into.
CREATE VIEW all_orders AS
SELECT created_at, order_id, sale_no, item_no, quantity, status, generation, expires_at, changed_at, given_back,
       customer_id, reason, refund_required, payment_failed, more_items, more_quantities, changes, false AS is_archived
  FROM orders
 UNION ALL
SELECT created_at, order_id, sale_no, item_no, quantity, status, generation, expires_at, changed_at, given_back,
       customer_id, reason, refund_required, payment_failed, more_items, more_quantities, changes, true AS is_archived
  FROM archived_orders;

-- A row for each line of an order. is_first: of its first line.
CREATE VIEW order_lines AS
SELECT order_id, sale_no, item_no, true AS is_first, quantity, status, created_at, given_back, customer_id,
       false AS is_archived
  FROM orders
 UNION ALL
SELECT order_id, sale_no, more.item_no, false, more.quantity, status, created_at, given_back, customer_id, false
  FROM orders
 CROSS JOIN LATERAL unnest(more_items, more_quantities) AS more (item_no, quantity)
 WHERE more_items IS NOT NULL
 UNION ALL
SELECT order_id, sale_no, item_no, true, quantity, status, created_at, given_back, customer_id, true
  FROM archived_orders
 UNION ALL
SELECT order_id, sale_no, more.item_no, false, more.quantity, status, created_at, given_back, customer_id, true
  FROM archived_orders
 CROSS JOIN LATERAL unnest(more_items, more_quantities) AS more (item_no, quantity)
 WHERE more_items IS NOT NULL;

-- For reports and checks of others: the lines with the names of sale and item. Joined in each part: Citus joins no two
-- distributed tables across a UNION.
CREATE VIEW order_units AS
SELECT order_id, sale_id::text AS sale_id, customer_id::text AS customer_id, sku::text AS sku, quantity,
       CASE status
           WHEN 1 THEN 'confirmed'
           WHEN 2 THEN 'awaiting_payment'
           WHEN 3 THEN 'cancelled'
           WHEN 4 THEN 'expired'
           WHEN 5 THEN 'rejected'
       END AS status
  FROM (SELECT order_id, sale_id, customer_id, sku, quantity, status
          FROM orders
          JOIN items ON items.sale_no = orders.sale_no AND items.item_no = orders.item_no
          JOIN sales ON sales.sale_no = orders.sale_no
         UNION ALL
        SELECT order_id, sale_id, customer_id, sku, more.quantity, status
          FROM orders
         CROSS JOIN LATERAL unnest(more_items, more_quantities) AS more (item_no, quantity)
          JOIN items ON items.sale_no = orders.sale_no AND items.item_no = more.item_no
          JOIN sales ON sales.sale_no = orders.sale_no
         WHERE more_items IS NOT NULL
         UNION ALL
        SELECT order_id, sale_id, customer_id, sku, quantity, status
          FROM archived_orders
          JOIN items ON items.sale_no = archived_orders.sale_no AND items.item_no = archived_orders.item_no
          JOIN sales ON sales.sale_no = archived_orders.sale_no
         UNION ALL
        SELECT order_id, sale_id, customer_id, sku, more.quantity, status
          FROM archived_orders
         CROSS JOIN LATERAL unnest(more_items, more_quantities) AS more (item_no, quantity)
          JOIN items ON items.sale_no = archived_orders.sale_no AND items.item_no = more.item_no
          JOIN sales ON sales.sale_no = archived_orders.sale_no
         WHERE more_items IS NOT NULL) AS lines;

CREATE VIEW item_stock AS
SELECT sales.sale_id::text AS sale_id, items.sku::text AS sku, items.stock, items.sold
  FROM items
  JOIN sales ON sales.sale_no = items.sale_no;
