#include <array>
#include <cctype>

#include "flashsale/app/settings.hpp"

namespace flashsale::app {
namespace {

// The widest range of a number of milliseconds: an hour.
constexpr std::uint32_t kHourMs = 3'600'000;
// Bounds on texts and lists, there so that nothing is unbounded.
constexpr std::uint32_t kTextMax = 4096;
constexpr std::uint32_t kListMax = 256;

using S = Settings;
using M = SettingMember;

constexpr auto kTable = std::to_array<Setting>({
    // http: the public listener
    {"http", "address", "", 1, 255, "", Secrecy::open,
     "IP address that the public listener binds to; 0.0.0.0 or :: for all", [](S& s) -> M { return &s.http.address; }},
    {"http", "port", "", 0, 65535, "", Secrecy::open, "TCP port of the public listener; 0 takes any free one",
     [](S& s) -> M { return &s.http.port; }},
    {"http", "threads", "threads", 0, 256, "", Secrecy::open, "I/O threads; 0 for one a processor core",
     [](S& s) -> M { return &s.http.threads; }},
    {"http", "connections_max", "connections", 1, 1'000'000, "", Secrecy::open,
     "Open client connections; one more is answered 503 and closed", [](S& s) -> M { return &s.http.connections_max; }},
    {"http", "header_bytes_max", "bytes", 1024, 1'048'576, "", Secrecy::open,
     "Request line and header fields together; 431 beyond", [](S& s) -> M { return &s.http.header_bytes_max; }},
    {"http", "body_bytes_max", "bytes", 1024, 16'777'216, "", Secrecy::open, "Body of a request; 413 beyond",
     [](S& s) -> M { return &s.http.body_bytes_max; }},
    {"http", "header_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open,
     "Time for a request's header block to arrive once it has begun",
     [](S& s) -> M { return &s.http.header_timeout_ms; }},
    {"http", "body_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open, "Time for a request's body to arrive",
     [](S& s) -> M { return &s.http.body_timeout_ms; }},
    {"http", "idle_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open,
     "Time that a connection may stay open between requests; longer than the proxy in front keeps idle ones",
     [](S& s) -> M { return &s.http.idle_timeout_ms; }},
    {"http", "write_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open, "Time for a client to read an answer",
     [](S& s) -> M { return &s.http.write_timeout_ms; }},
    {"http", "cors_origin", "", 1, 255, "", Secrecy::open,
     "Access-Control-Allow-Origin of the public API: * or one origin; empty for none",
     [](S& s) -> M { return &s.http.cors_origin; }},
    {"http", "request_log_one_in", "requests", 0, 1'000'000'000, "", Secrecy::open,
     "Log every n-th request that went well; 0 for none. Failures of the server are always logged",
     [](S& s) -> M { return &s.http.request_log_one_in; }},
    {"http", "trusted_proxies", "", 0, kListMax, "", Secrecy::open,
     "Networks of the proxies in front, whose X-Forwarded-For is believed about a client's address",
     [](S& s) -> M { return &s.http.trusted_proxies; }},

    // admin: the listener for merchants, support and monitoring
    {"admin", "address", "", 1, 255, "", Secrecy::open,
     "IP address that the admin listener binds to; it is not for the outside",
     [](S& s) -> M { return &s.admin.address; }},
    {"admin", "port", "", 0, 65535, "", Secrecy::open, "TCP port of the admin listener; 0 takes any free one",
     [](S& s) -> M { return &s.admin.port; }},
    {"admin", "threads", "threads", 1, 64, "", Secrecy::open, "Worker threads for admin operations",
     [](S& s) -> M { return &s.admin.threads; }},
    {"admin", "tokens", "", 0, kListMax, "", Secrecy::secret,
     "Who may use the admin API, each entry name:role:sha256 or name:role:until:sha256: the role read, support or "
     "operator, until a time as in 2027-01-31T00:00:00Z, and the SHA-256 of the bearer token in hexadecimal",
     [](S& s) -> M { return &s.admin.tokens; }},
    {"admin", "tokens_file", "", 1, kTextMax, "", Secrecy::open,
     "File to read admin.tokens from, one entry a line; lines that are empty or begin with # are skipped",
     [](S& s) -> M { return &s.admin.tokens_file; }, "tokens"},
    {"admin", "watch_secret", "", 32, kTextMax, "", Secrecy::secret,
     "Key of the links to watch, the same in all instances; empty: each instance takes its own links alone, until it "
     "ends",
     [](S& s) -> M { return &s.admin.watch_secret; }},
    {"admin", "watch_secret_file", "", 1, kTextMax, "", Secrecy::open, "File to read admin.watch_secret from",
     [](S& s) -> M { return &s.admin.watch_secret_file; }, "watch_secret"},

    // auth: who a buyer is
    {"auth", "mode", "", 0, 0, "jwt|gateway", Secrecy::open,
     "How a buyer is known: by a bearer token (jwt), or by the X-Customer-Id header of a trusted gateway",
     [](S& s) -> M { return &s.auth.mode; }},
    {"auth", "customer_id_form", "", 0, 0, "bytes|nfc|nfc_casefold", Secrecy::open,
     "What makes two customer ids the same: their bytes, their composed form (Unicode NFC), or that in any case; to be "
     "chosen before the first order",
     [](S& s) -> M { return &s.auth.customer_id_form; }},
    {"auth", "gateway_peers", "", 0, kListMax, "", Secrecy::open,
     "Networks (CIDR) of the gateways whose X-Customer-Id is believed; used in gateway mode alone",
     [](S& s) -> M { return &s.auth.gateway_peers; }},

    // jwt: keys and claims of bearer tokens
    {"jwt", "secret", "", 32, kTextMax, "", Secrecy::secret, "Key of HS256 tokens",
     [](S& s) -> M { return &s.jwt.secret; }},
    {"jwt", "secret_file", "", 1, kTextMax, "", Secrecy::open, "File to read jwt.secret from",
     [](S& s) -> M { return &s.jwt.secret_file; }, "secret"},
    {"jwt", "issuer", "", 1, kTextMax, "", Secrecy::open, "Required iss claim; empty: not checked",
     [](S& s) -> M { return &s.jwt.issuer; }},
    {"jwt", "audience", "", 1, kTextMax, "", Secrecy::open, "Required entry of the aud claim; empty: not checked",
     [](S& s) -> M { return &s.jwt.audience; }},
    {"jwt", "public_key_file", "", 1, kTextMax, "", Secrecy::open, "PEM file of the public key that signs tokens",
     [](S& s) -> M { return &s.jwt.public_key_file; }},
    {"jwt", "public_key_algorithm", "", 0, 0, "|RS256|ES256|EdDSA", Secrecy::open,
     "The one algorithm that jwt.public_key_file is used with", [](S& s) -> M { return &s.jwt.public_key_algorithm; }},
    {"jwt", "jwks_file", "", 1, kTextMax, "", Secrecy::open,
     "File with a JWK set; keys in it that cannot be used are ignored and told of at the start",
     [](S& s) -> M { return &s.jwt.jwks_file; }},
    {"jwt", "leeway_s", "s", 0, 600, "", Secrecy::open, "Tolerated difference of clocks for exp and nbf",
     [](S& s) -> M { return &s.jwt.leeway_s; }},
    {"jwt", "lifetime_max_s", "s", 0, 3'162'240'000, "", Secrecy::open,
     "Most that exp may lie ahead; 0 for any time. 366 days unless it is set",
     [](S& s) -> M { return &s.jwt.lifetime_max_s; }},

    // redis: where stock is counted
    {"redis", "url", "", 1, kTextMax, "", Secrecy::url, "redis://[[user:]password@]host[:port][/database]",
     [](S& s) -> M { return &s.redis.url; }},
    {"redis", "url_file", "", 1, kTextMax, "", Secrecy::open, "File to read redis.url from",
     [](S& s) -> M { return &s.redis.url_file; }, "url"},
    {"redis", "timeout_ms", "ms", 10, 60'000, "", Secrecy::open,
     "Deadline of a call, on the clock of Redis too; past it the outcome is unknown",
     [](S& s) -> M { return &s.redis.timeout_ms; }},
    {"redis", "connect_timeout_ms", "ms", 10, 60'000, "", Secrecy::open, "Time to resolve, connect and log in",
     [](S& s) -> M { return &s.redis.connect_timeout_ms; }},
    {"redis", "allow_eviction", "", 0, 0, "", Secrecy::open,
     "Serve on a Redis that may evict keys, which loses stock counters under memory pressure",
     [](S& s) -> M { return &s.redis.allow_eviction; }},
    {"redis", "allow_no_aof", "", 0, 0, "", Secrecy::open,
     "Serve on a Redis without append-only file, which forgets everything when it restarts",
     [](S& s) -> M { return &s.redis.allow_no_aof; }},
    {"redis", "allow_replica", "", 0, 0, "", Secrecy::open,
     "Serve on a Redis that is a replica and refuses writes until it is promoted",
     [](S& s) -> M { return &s.redis.allow_replica; }},

    // postgres: where orders are kept
    {"postgres", "url", "", 1, kTextMax, "", Secrecy::url,
     "postgresql://[user[:password]@]host[:port]/database, or key=value pairs; several hosts may be given",
     [](S& s) -> M { return &s.postgres.url; }},
    {"postgres", "url_file", "", 1, kTextMax, "", Secrecy::open, "File to read postgres.url from",
     [](S& s) -> M { return &s.postgres.url_file; }, "url"},
    {"postgres", "connect_timeout_ms", "ms", 100, 60'000, "", Secrecy::open,
     "Time to connect to one host; libpq counts in whole seconds, so it is rounded up",
     [](S& s) -> M { return &s.postgres.connect_timeout_ms; }},
    {"postgres", "statement_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open, "Time of one statement",
     [](S& s) -> M { return &s.postgres.statement_timeout_ms; }},
    {"postgres", "lock_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open,
     "Time that a statement waits for a lock; at most postgres.statement_timeout_ms",
     [](S& s) -> M { return &s.postgres.lock_timeout_ms; }},
    {"postgres", "idle_in_transaction_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open,
     "Time after which PostgreSQL ends a session that stalls in a transaction",
     [](S& s) -> M { return &s.postgres.idle_in_transaction_timeout_ms; }},
    {"postgres", "tcp_user_timeout_ms", "ms", 100, kHourMs, "", Secrecy::open,
     "Time without acknowledgement of sent data after which a connection counts as broken",
     [](S& s) -> M { return &s.postgres.tcp_user_timeout_ms; }},
    {"postgres", "allow_unsafe_durability", "", 0, 0, "", Secrecy::open,
     "Serve on a PostgreSQL with fsync, full_page_writes or synchronous_commit off, which can lose a 201",
     [](S& s) -> M { return &s.postgres.allow_unsafe_durability; }},
    {"postgres", "serve_role", "", 1, 63, "", Secrecy::open,
     "Role that `flashsaled migrate`, which runs as the owner, grants what `flashsaled serve` needs: rows, no more",
     [](S& s) -> M { return &s.postgres.serve_role; }},

    // checkout: how many orders at once, and how long they wait
    {"checkout", "in_flight_max", "orders", 1, 1'000'000, "", Secrecy::open,
     "Orders between being let in and being settled; one more is answered 503 before any stock is touched",
     [](S& s) -> M { return &s.checkout.in_flight_max; }},
    {"checkout", "latency_target_ms", "ms", 1, kHourMs, "", Secrecy::open,
     "While orders take longer to commit on average, fewer are let in at once",
     [](S& s) -> M { return &s.checkout.latency_target_ms; }},
    {"checkout", "reservation_batch_max", "lines", 1, 1024, "", Secrecy::open,
     "Orders in one call of Redis; one of several lines counts as many",
     [](S& s) -> M { return &s.checkout.reservation_batch_max; }},
    {"checkout", "reservation_batches_in_flight_max", "calls", 1, 64, "", Secrecy::open,
     "Calls of Redis under way at once for one sale on one I/O thread",
     [](S& s) -> M { return &s.checkout.reservation_batches_in_flight_max; }},
    {"checkout", "wait_ms", "ms", 0, 60'000, "", Secrecy::open,
     "Time that a buyer waits for the commit before 202 is answered; at most checkout.wait_max_ms",
     [](S& s) -> M { return &s.checkout.wait_ms; }},
    {"checkout", "wait_max_ms", "ms", 0, 60'000, "", Secrecy::open, "Most that `Prefer: wait=N` can ask for",
     [](S& s) -> M { return &s.checkout.wait_max_ms; }},
    // The audit and late payments take no longer log (kLogEntriesMax of both).
    {"checkout", "pending_log_entries_max", "entries", 1, 50'000, "", Secrecy::open,
     "Entries of a sale's pending log in Redis past which no more orders are taken",
     [](S& s) -> M { return &s.checkout.pending_log_entries_max; }},
    {"checkout", "unpaid_orders_max", "orders", 0, 1000, "", Secrecy::open,
     "Orders that one customer may leave unpaid in a sale before a pause, and again after each; 0 for any number",
     [](S& s) -> M { return &s.checkout.unpaid_orders_max; }},
    {"checkout", "unpaid_pause_s", "s", 1, 86'400, "", Secrecy::open,
     "Length of that pause; until then the customer's orders in the sale are answered 409",
     [](S& s) -> M { return &s.checkout.unpaid_pause_s; }},

    // journal: the workers that write orders
    {"journal", "workers", "threads", 1, 64, "", Secrecy::open, "Threads, each with its own PostgreSQL connection",
     [](S& s) -> M { return &s.journal.workers; }},
    {"journal", "batch_max", "orders", 1, 8192, "", Secrecy::open, "Orders in one transaction",
     [](S& s) -> M { return &s.journal.batch_max; }},

    // lookup: the workers that read orders
    {"lookup", "workers", "threads", 1, 64, "", Secrecy::open, "Threads, each with its own PostgreSQL connection",
     [](S& s) -> M { return &s.lookup.workers; }},
    {"lookup", "batch_max", "orders", 1, 8192, "", Secrecy::open, "Orders in one read",
     [](S& s) -> M { return &s.lookup.batch_max; }},
    {"lookup", "queue_max", "requests", 1, 1'000'000, "", Secrecy::open,
     "Requests that may wait for a worker; one more is answered 503", [](S& s) -> M { return &s.lookup.queue_max; }},

    // sweeper: finishes what a crash left
    {"sweeper", "interval_ms", "ms", 50, kHourMs, "", Secrecy::open, "Pause between two passes",
     [](S& s) -> M { return &s.sweeper.interval_ms; }},
    {"sweeper", "older_than_ms", "ms", 100, kHourMs, "", Secrecy::open,
     "Age from which an entry of the pending log counts as left behind",
     [](S& s) -> M { return &s.sweeper.older_than_ms; }},
    {"sweeper", "in_flight_max", "orders", 1, 1'000'000, "", Secrecy::open,
     "Orders that the sweeper may have in the journal at once; at least checkout.reservation_batch_max",
     [](S& s) -> M { return &s.sweeper.in_flight_max; }},
    // audit: finds drift between the stores
    {"audit", "interval_ms", "ms", 200, kHourMs, "", Secrecy::open,
     "Pause between two looks at an open sale; a sale that drifts is rebuilt after two",
     [](S& s) -> M { return &s.audit.interval_ms; }},

    // payments: the provider's messages, and orders that nobody pays
    {"payments", "webhook_secrets", "", 0, kListMax, "", Secrecy::secret,
     "Secrets that the payment provider signs its messages with, each whsec_ and base64; up to 8 while they are "
     "rotated",
     [](S& s) -> M { return &s.payments.webhook_secrets; }},
    {"payments", "webhook_secrets_file", "", 1, kTextMax, "", Secrecy::open,
     "File to read payments.webhook_secrets from, one a line; lines that are empty or begin with # are skipped",
     [](S& s) -> M { return &s.payments.webhook_secrets_file; }, "webhook_secrets"},
    {"payments", "webhook_tolerance_s", "s", 1, 3600, "", Secrecy::open,
     "Age from which a signed message is refused, and how far ahead of the clock it may be",
     [](S& s) -> M { return &s.payments.webhook_tolerance_s; }},
    {"payments", "expiry_interval_ms", "ms", 50, 1000, "", Secrecy::open,
     "Pause between two looks for orders whose time to pay is over",
     [](S& s) -> M { return &s.payments.expiry_interval_ms; }},
    {"payments", "patience_s", "s", 1, 86'400, "", Secrecy::open,
     "Time after which a payment without an order, or for units that cannot be had again, is to be refunded",
     [](S& s) -> M { return &s.payments.patience_s; }},
    {"payments", "unknown_orders", "", 0, 0, "refund|ignore", Secrecy::open,
     "What becomes of a payment for an order in our form that nobody knows after that time: ignore where other systems "
     "make UUIDs of version 8, too",
     [](S& s) -> M { return &s.payments.unknown_orders; }},
    {"payments", "window_max_s", "s", 1, 604'800, "", Secrecy::open,
     "Longest payment_window_s that a new sale may have: so long unpaid orders keep their units from everybody else",
     [](S& s) -> M { return &s.payments.window_max_s; }},

    // retention: what becomes of sales that are over
    {"retention", "redis_keep_s", "s", 1, 31'536'000, "", Secrecy::open,
     "Time that a sale which was closed for good stays in Redis, from when an instance first saw it closed (its "
     "restart begins the time anew); longer if something in it is not settled by then",
     [](S& s) -> M { return &s.retention.redis_keep_s; }},

    // events: what happened, told to other systems
    {"events", "enabled", "", 0, 0, "", Secrecy::open,
     "Leave an event of every change of an order or a sale; to be the same in all processes of a shop",
     [](S& s) -> M { return &s.events.enabled; }},
    {"events", "source", "", 1, 255, "", Secrecy::open, "Attribute source of the events, a URI reference",
     [](S& s) -> M { return &s.events.source; }},
    {"events", "retention_s", "s", 60, 31'622'400, "", Secrecy::open,
     "Time that events are kept at least; longer until every sink has been told of them",
     [](S& s) -> M { return &s.events.retention_s; }},
    {"events", "rehearsals", "", 0, 0, "", Secrecy::open, "Tell of rehearsals, too, with a mark in the data",
     [](S& s) -> M { return &s.events.rehearsals; }},
    {"events", "origin_key", "", 32, kTextMax, "", Secrecy::secret,
     "Key of the hashes of a buyer's address and of a payment's card that events hold, the same in all processes of a "
     "shop; empty: neither is hashed or kept",
     [](S& s) -> M { return &s.events.origin_key; }},
    {"events", "origin_key_file", "", 1, kTextMax, "", Secrecy::open, "File to read events.origin_key from",
     [](S& s) -> M { return &s.events.origin_key_file; }, "origin_key"},
    {"events.rabbitmq", "url", "", 1, kTextMax, "", Secrecy::url,
     "RabbitMQ that events are published to, amqp:// or amqps://; empty: none",
     [](S& s) -> M { return &s.events_rabbitmq.url; }},
    {"events.rabbitmq", "url_file", "", 1, kTextMax, "", Secrecy::open, "File to read events.rabbitmq.url from",
     [](S& s) -> M { return &s.events_rabbitmq.url_file; }, "url"},
    {"events.rabbitmq", "ca_file", "", 1, kTextMax, "", Secrecy::open,
     "Certificates of the authorities that amqps:// trusts, PEM; empty: those of the system",
     [](S& s) -> M { return &s.events_rabbitmq.ca_file; }},
    {"events.rabbitmq", "exchange", "", 1, 255, "", Secrecy::open,
     "Topic exchange, declared durable if it is not there; the routing key is the event's type",
     [](S& s) -> M { return &s.events_rabbitmq.exchange; }},
    {"events.rabbitmq", "unroutable", "", 0, 0, "wait|drop", Secrecy::open,
     "What becomes of an event that no queue is bound for: all wait until one is, or it is passed over and counted",
     [](S& s) -> M { return &s.events_rabbitmq.unroutable; }},
    {"events.kafka", "brokers", "", 1, kTextMax, "", Secrecy::open,
     "Kafka that events are published to, host:port with commas between; empty: none",
     [](S& s) -> M { return &s.events_kafka.brokers; }},
    {"events.kafka", "topic", "", 1, 249, "", Secrecy::open, "Topic of the events; their key is the order's id",
     [](S& s) -> M { return &s.events_kafka.topic; }},
    {"events.kafka", "mode", "", 0, 0, "structured|binary", Secrecy::open,
     "Whole CloudEvents as values, or their data with the attributes as headers",
     [](S& s) -> M { return &s.events_kafka.mode; }},
    {"events.kafka", "exactly_once", "", 0, 0, "", Secrecy::open,
     "Publish in transactions that hold the position, too, in a compacted topic: readers of committed messages see "
     "each "
     "event once",
     [](S& s) -> M { return &s.events_kafka.exactly_once; }},
    {"events.kafka", "properties_file", "", 1, kTextMax, "", Secrecy::open,
     "File with further properties of librdkafka, name=value a line, such as those of TLS and SASL",
     [](S& s) -> M { return &s.events_kafka.properties_file; }},
    {"events.webhooks", "allow_private", "", 0, 0, "", Secrecy::open,
     "Send events to private, local and reserved addresses, too, and in the clear: whoever may set up a webhook can "
     "then reach what this process can",
     [](S& s) -> M { return &s.events_webhooks.allow_private; }},
    {"events.webhooks", "allow_http", "", 0, 0, "", Secrecy::open,
     "Send events in the clear where a webhook's URL says so", [](S& s) -> M { return &s.events_webhooks.allow_http; }},
    {"events.webhooks", "ca_file", "", 1, kTextMax, "", Secrecy::open,
     "File with the certificates that are trusted, PEM; empty: those of the system",
     [](S& s) -> M { return &s.events_webhooks.ca_file; }},
    {"events.webhooks", "disable_after_s", "s", 1, 31'622'400, "", Secrecy::open,
     "A webhook that has taken nothing for so long, while there was something, is switched off",
     [](S& s) -> M { return &s.events_webhooks.disable_after_s; }},

    // catalog: the picture of all sales in memory
    {"catalog", "pulse_ms", "ms", 10, 200, "", Secrecy::open,
     "Pause between two refreshes of stock and state from Redis", [](S& s) -> M { return &s.catalog.pulse_ms; }},

    // forecast: what comes next in a sale
    {"forecast", "enabled", "", 0, 0, "", Secrecy::open,
     "Counts what comes to each open sale by second, and tells what comes next; off: nothing is counted or told",
     [](S& s) -> M { return &s.forecast.enabled; }},
    {"forecast", "instance_capacity_per_s", "checkouts/s", 1, 1'000'000, "", Secrecy::open,
     "Checkouts a second that one instance is taken to serve, for the number of instances that monitoring asks for; "
     "measure yours",
     [](S& s) -> M { return &s.forecast.instance_capacity_per_s; }},

    // live: streams of stock and state
    {"live", "streams_max", "streams", 1, 1'000'000, "", Secrecy::open,
     "Streams of live stock that may be open; at most half of the connections that there may be",
     [](S& s) -> M { return &s.live.streams_max; }},
    {"live", "streams_of_address_max", "streams", 1, 1'000'000, "", Secrecy::open,
     "The same from one client address (IPv6: from one /64), while rate_limit.enabled",
     [](S& s) -> M { return &s.live.streams_of_address_max; }},

    // shop: a page for buyers
    {"shop", "enabled", "", 0, 0, "", Secrecy::open, "Serve /shop and a page for each sale",
     [](S& s) -> M { return &s.shop.enabled; }},
    {"shop", "demo", "", 0, 0, "", Secrecy::open,
     "For trying the page out: give a buyer's token and a payment to whoever asks from this machine; only where both "
     "listeners are on a loopback address, jwt.issuer is flashsale-demo and jwt.secret is the only key",
     [](S& s) -> M { return &s.shop.demo; }},

    // rate_limit: requests of one customer
    {"rate_limit", "enabled", "", 0, 0, "", Secrecy::open, "Limit the requests of each customer",
     [](S& s) -> M { return &s.rate_limit.enabled; }},
    {"rate_limit", "requests_per_s", "requests/s", 1, 1'000'000, "", Secrecy::open, "Lasting rate of one customer",
     [](S& s) -> M { return &s.rate_limit.requests_per_s; }},
    {"rate_limit", "burst", "requests", 1, 1'000'000, "", Secrecy::open,
     "Requests of one customer at once after a rest", [](S& s) -> M { return &s.rate_limit.burst; }},
    {"rate_limit", "customers_max", "customers", 1024, 16'777'216, "", Secrecy::open,
     "Customers remembered at once, at 8 bytes each, rounded up to a power of two",
     [](S& s) -> M { return &s.rate_limit.customers_max; }},

    // behaviour: how unlike people a customer's checkouts are
    {"behaviour", "enabled", "", 0, 0, "", Secrecy::open,
     "Score how unlike people each customer's checkouts are; the score refuses nobody",
     [](S& s) -> M { return &s.behaviour.enabled; }},
    {"behaviour", "customers_max", "customers", 1024, 4'194'304, "", Secrecy::open,
     "Customers remembered at once, of all sales, at some 350 bytes each, rounded up to a power of two",
     [](S& s) -> M { return &s.behaviour.customers_max; }},
    {"behaviour", "keep_s", "s", 3600, 31'536'000, "", Secrecy::open,
     "Time that a customer's score is kept in PostgreSQL after their last checkout in the sale",
     [](S& s) -> M { return &s.behaviour.keep_s; }},

    // shutdown: the way down on SIGTERM
    {"shutdown", "delay_ms", "ms", 0, 600'000, "", Secrecy::open,
     "Time that /readyz says 503 while the listener still accepts, for balancers to notice",
     [](S& s) -> M { return &s.shutdown.delay_ms; }},
    {"shutdown", "drain_timeout_ms", "ms", 0, 600'000, "", Secrecy::open,
     "Time for requests and the journal to finish before they are cut off",
     [](S& s) -> M { return &s.shutdown.drain_timeout_ms; }},

    // process: what the operating system may do with it
    {"process", "core_dumps", "", 0, 0, "", Secrecy::open,
     "Let a crash leave a core file, and debuggers of the same user look in: the memory holds keys and tokens",
     [](S& s) -> M { return &s.process.core_dumps; }},

    // log
    {"log", "level", "", 0, 0, "trace|debug|info|warn|error", Secrecy::open, "Least level that is logged",
     [](S& s) -> M { return &s.log.level; }},
    {"log", "format", "", 0, 0, "json|text", Secrecy::open, "One JSON object a line, or text for a terminal",
     [](S& s) -> M { return &s.log.format; }},
    {"log", "checkouts", "", 0, 0, "none|refused|all", Secrecy::open,
     "Checkouts that have a line of their own, with sale, customer, address and outcome: it names people",
     [](S& s) -> M { return &s.log.checkouts; }},

    // tracing: what some requests went through
    {"tracing", "enabled", "", 0, 0, "", Secrecy::open,
     "Take part in traces (W3C Trace Context), and send the spans of some requests to a collector",
     [](S& s) -> M { return &s.tracing.enabled; }},
    {"tracing", "url", "", 1, kTextMax, "", Secrecy::url, "Where the collector takes OTLP over HTTP as JSON",
     [](S& s) -> M { return &s.tracing.url; }},
    {"tracing", "headers", "", 0, kListMax, "", Secrecy::secret,
     "Header fields that the collector wants, each Name: value", [](S& s) -> M { return &s.tracing.headers; }},
    {"tracing", "headers_file", "", 1, kTextMax, "", Secrecy::open,
     "File to read tracing.headers from, one field a line; lines that are empty or begin with # are skipped",
     [](S& s) -> M { return &s.tracing.headers_file; }, "headers"},
    {"tracing", "ca_file", "", 1, kTextMax, "", Secrecy::open,
     "PEM file of the authorities that sign the collector's certificate; empty: the system's",
     [](S& s) -> M { return &s.tracing.ca_file; }},
    {"tracing", "service_name", "", 1, 255, "", Secrecy::open, "Attribute service.name of all spans",
     [](S& s) -> M { return &s.tracing.service_name; }},
    {"tracing", "slow_ms", "ms", 1, kHourMs, "", Secrecy::open, "A request that took so long is kept",
     [](S& s) -> M { return &s.tracing.slow_ms; }},
    {"tracing", "keep_one_in", "requests", 0, 1'000'000'000, "", Secrecy::open,
     "Keep one in so many of the requests that nothing else speaks for; 0 for none",
     [](S& s) -> M { return &s.tracing.keep_one_in; }},
    {"tracing", "kept_per_s_max", "requests", 1, 100'000, "", Secrecy::open,
     "Requests kept a second at most, for each reason apart: failed, slow, flagged by the caller, by chance",
     [](S& s) -> M { return &s.tracing.kept_per_s_max; }},
});

}  // namespace

std::string Setting::name() const { return std::string(section).append(".").append(key); }

std::string Setting::environment() const {
  std::string text = "FLASHSALE_";
  text.append(section).append("_").append(key);
  for (char& c : text) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::span<const Setting> setting_table() { return kTable; }

}  // namespace flashsale::app
