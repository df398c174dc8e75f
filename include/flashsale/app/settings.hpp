#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flashsale::app {

/// Every setting of the process, section by section; the initialisers are the defaults. What each means, its unit
/// and its range stand in the table that setting_table() gives, and so in config/flashsaled.toml and `--help`.
struct Settings {
  struct Http {
    std::string address = "0.0.0.0";
    std::uint16_t port = 8080;
    std::uint32_t threads = 0;
    std::uint32_t connections_max = 20'000;
    std::uint32_t header_bytes_max = 16'384;
    std::uint32_t body_bytes_max = 65'536;
    std::uint32_t header_timeout_ms = 10'000;
    std::uint32_t body_timeout_ms = 15'000;
    std::uint32_t idle_timeout_ms = 75'000;
    std::uint32_t write_timeout_ms = 15'000;
    std::string cors_origin;
    std::uint32_t request_log_one_in = 100;
    std::vector<std::string> trusted_proxies = {"127.0.0.1/32", "::1/128"};
  } http;

  struct Admin {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8081;
    std::uint32_t threads = 2;
    std::vector<std::string> tokens;  ///< after loading also those of tokens_file
    std::string tokens_file;
    std::string watch_secret;  ///< after loading also the content of watch_secret_file
    std::string watch_secret_file;
  } admin;

  struct Auth {
    std::string mode = "jwt";                ///< jwt or gateway
    std::string customer_id_form = "bytes";  ///< bytes, nfc or nfc_casefold
    std::vector<std::string> gateway_peers = {"127.0.0.1/32", "::1/128"};
  } auth;

  struct Jwt {
    std::string secret;  ///< after loading also the content of secret_file
    std::string secret_file;
    std::string issuer;
    std::string audience;
    std::string public_key_file;
    std::string public_key_algorithm;  ///< empty, RS256, ES256 or EdDSA
    std::string jwks_file;
    std::uint32_t leeway_s = 30;
    std::uint32_t lifetime_max_s = 31'622'400;

    // No settings of their own: what loading has read from the two files.
    std::string public_key_pem;
    std::string jwks_json;
  } jwt;

  struct Redis {
    std::string url = "redis://127.0.0.1:6379/0";  ///< after loading also the content of url_file
    std::string url_file;
    std::uint32_t timeout_ms = 1000;
    std::uint32_t connect_timeout_ms = 2000;
    bool allow_eviction = false;
    bool allow_no_aof = false;
    bool allow_replica = false;
  } redis;

  struct Postgres {
    std::string url;  ///< after loading also the content of url_file
    std::string url_file;
    std::uint32_t connect_timeout_ms = 3000;
    std::uint32_t statement_timeout_ms = 5000;
    std::uint32_t lock_timeout_ms = 3000;
    std::uint32_t idle_in_transaction_timeout_ms = 5000;
    std::uint32_t tcp_user_timeout_ms = 5000;
    bool allow_unsafe_durability = false;
    std::string serve_role;
  } postgres;

  struct Checkout {
    std::uint32_t in_flight_max = 4096;
    std::uint32_t latency_target_ms = 100;
    std::uint32_t reservation_batch_max = 128;
    std::uint32_t reservation_batches_in_flight_max = 2;
    std::uint32_t wait_ms = 2000;
    std::uint32_t wait_max_ms = 10'000;
    std::uint32_t pending_log_entries_max = 20'000;
    std::uint32_t unpaid_orders_max = 3;
    std::uint32_t unpaid_pause_s = 300;
  } checkout;

  struct Journal {
    std::uint32_t workers = 2;
    std::uint32_t batch_max = 1024;
  } journal;

  struct Lookup {
    std::uint32_t workers = 1;
    std::uint32_t batch_max = 256;
    std::uint32_t queue_max = 4096;
  } lookup;

  struct Sweeper {
    std::uint32_t interval_ms = 1000;
    std::uint32_t older_than_ms = 3000;
    std::uint32_t in_flight_max = 2048;
  } sweeper;

  struct Audit {
    std::uint32_t interval_ms = 2000;
  } audit;

  struct Payments {
    std::vector<std::string> webhook_secrets;  ///< after loading also those of webhook_secrets_file
    std::string webhook_secrets_file;
    std::uint32_t webhook_tolerance_s = 300;
    std::uint32_t expiry_interval_ms = 200;
    std::uint32_t patience_s = 600;
    std::string unknown_orders = "refund";  ///< refund or ignore
    std::uint32_t window_max_s = 86'400;
  } payments;

  struct Events {
    bool enabled = true;
    std::string source = "/flashsaled";
    std::uint32_t retention_s = 604'800;
    bool rehearsals = false;
    std::string origin_key;  ///< empty: off; after loading also the content of origin_key_file
    std::string origin_key_file;
  } events;

  struct EventsRabbitmq {
    std::string url;  ///< empty: none; after loading also the content of url_file
    std::string url_file;
    std::string ca_file;
    std::string exchange = "flashsale";
    std::string unroutable = "wait";  ///< wait or drop
  } events_rabbitmq;

  struct EventsKafka {
    std::string brokers;  ///< empty: none
    std::string topic = "flashsale.events";
    std::string mode = "structured";  ///< structured or binary
    bool exactly_once = false;
    std::string properties_file;
    std::string properties;  ///< after loading: the content of properties_file
  } events_kafka;

  struct EventsWebhooks {
    bool allow_private = false;
    bool allow_http = false;
    std::string ca_file;  ///< empty: the system's
    std::uint32_t disable_after_s = 432'000;
  } events_webhooks;

  struct Retention {
    std::uint32_t redis_keep_s = 3600;
  } retention;

  struct Catalog {
    std::uint32_t pulse_ms = 100;
  } catalog;

  struct Forecast {
    bool enabled = true;
    std::uint32_t instance_capacity_per_s = 5000;
  } forecast;

  struct Live {
    std::uint32_t streams_max = 10'000;
    std::uint32_t streams_of_address_max = 100;
  } live;

  struct Shop {
    bool enabled = false;
    bool demo = false;
  } shop;

  struct RateLimit {
    bool enabled = true;
    std::uint32_t requests_per_s = 10;
    std::uint32_t burst = 20;
    std::uint32_t customers_max = 262'144;
  } rate_limit;

  struct Behaviour {
    bool enabled = true;
    std::uint32_t customers_max = 131'072;
    std::uint32_t keep_s = 2'592'000;
  } behaviour;

  struct Shutdown {
    std::uint32_t delay_ms = 1000;
    std::uint32_t drain_timeout_ms = 20'000;
  } shutdown;

  struct Process {
    bool core_dumps = false;
  } process;

  struct Log {
    std::string level = "info";
    std::string format = "json";
    std::string checkouts = "none";  ///< none, refused or all
  } log;

  struct Tracing {
    bool enabled = false;
    std::string url = "http://127.0.0.1:4318/v1/traces";
    std::vector<std::string> headers;  ///< after loading also those of headers_file
    std::string headers_file;
    std::string ca_file;  ///< empty: the system's
    std::string service_name = "flashsaled";
    std::uint32_t slow_ms = 250;
    std::uint32_t keep_one_in = 1000;
    std::uint32_t kept_per_s_max = 100;
  } tracing;
};

/// Where a setting lives in a Settings object; which alternative it is, is its type.
using SettingMember = std::variant<bool*, std::uint16_t*, std::uint32_t*, std::string*, std::vector<std::string>*>;

enum class Secrecy : std::uint8_t {
  open,
  url,     ///< may hold a password: not taken from the command line, shown without its password
  secret,  ///< not taken from the command line, never shown
};

/// One row of the table that everything about settings comes from.
struct Setting {
  std::string_view section;
  std::string_view key;
  std::string_view unit;     ///< of a number; empty otherwise
  std::uint32_t min = 0;     ///< of a number; fewest bytes of a text, unless it is empty
  std::uint32_t max = 0;     ///< of a number; most bytes of a text; most entries of a list
  std::string_view choices;  ///< of a text: the allowed ones, with `|` between; empty: any
  Secrecy secrecy = Secrecy::open;
  std::string_view description;
  SettingMember (*member)(Settings&) = nullptr;
  std::string_view twin = {};  ///< key in the same section that the file named here stands in for

  [[nodiscard]] std::string name() const;          ///< section.key
  [[nodiscard]] std::string environment() const;   ///< FLASHSALE_SECTION_KEY
  [[nodiscard]] std::string allowed() const;       ///< its range with the unit, for people
  [[nodiscard]] std::string default_text() const;  ///< as written in TOML
};

/// All settings, sections together, in the order of the settings file.
[[nodiscard]] std::span<const Setting> setting_table();

/// What is wrong with a setting, as one line for people that names the place (file and line, variable or flag), the
/// setting and what would be allowed. Never holds the value of a secret.
class SettingsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `--section.key=value` on the command line.
struct SettingFlag {
  std::string name;  ///< section.key
  std::string value;
};

inline constexpr std::string_view kDefaultSettingsFile = "config/flashsaled.toml";

/// Where settings come from, in rising precedence: defaults, the file, the environment, flags.
struct SettingsSources {
  std::optional<std::string> file;       ///< of --config; else FLASHSALE_CONFIG; else `default_file` if it exists
  std::vector<std::string> environment;  ///< `NAME=value`; names without FLASHSALE_ in front are left alone
  std::vector<SettingFlag> flags;
  std::string default_file{kDefaultSettingsFile};
};

/// The environment of this process. Not while another thread changes it.
[[nodiscard]] std::vector<std::string> process_environment();

/// Reads all sources and the files that settings name (paths are relative to the working directory), and checks
/// every value and those that must fit together. Throws SettingsError. Start-up only.
[[nodiscard]] Settings load_settings(const SettingsSources& sources);

/// What a command is going to use; it fails early when that is not configured.
enum class Purpose : std::uint8_t {
  serve,     ///< everything
  stores,    ///< Redis and PostgreSQL (audit)
  postgres,  ///< PostgreSQL alone (migrate)
  token,     ///< a secret to sign with
};
/// Throws SettingsError when `settings` lacks what the purpose needs, or its keys, peers or tokens are unusable.
void require_settings_for(const Settings& settings, Purpose purpose);

/// The settings file that states every default; config/flashsaled.toml is held equal to it by a test.
[[nodiscard]] std::string render_settings_file();

/// A value as it is written in TOML.
[[nodiscard]] std::string to_toml(const SettingMember& value);

/// All settings for `--help`, with range, default and meaning.
[[nodiscard]] std::string describe_settings();

/// `section.key=value` of every setting, blanks between, for the log: secrets and passwords are `***`.
[[nodiscard]] std::string redacted(const Settings& settings);

/// A connection URL for the log: no password, no query. Anything that is no URL is `***`.
[[nodiscard]] std::string redacted_url(std::string_view url);

}  // namespace flashsale::app
