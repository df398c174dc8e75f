#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include "buyers.hpp"
#include "flashsale/model/identifier.hpp"
#include "webhook_signer.hpp"

namespace flashsale::load {
namespace {

/// Sets one option from its text; what is wrong with the text, or nothing.
using Setter = std::function<std::string(Options&, const std::string&)>;

struct OptionRule {
  const char* name;
  const char* variable;  ///< environment variable, or null
  bool takes_value;
  Setter set;
};

template <class Number>
std::string parse_number(const std::string& text, Number low, Number high, Number& out) {
  Number value{};
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc{} && stopped == text.data() + text.size();
  // Also false for a NaN.
  if (!is_number || !(value >= low && value <= high)) {
    std::string range = std::to_string(low) + ".." + std::to_string(high);
    return "takes a number of " + range + ", not \"" + text + "\"";
  }
  out = value;
  return {};
}

template <class Number>
Setter number(Number Options::*member, Number low, Number high) {
  return [=](Options& options, const std::string& text) { return parse_number(text, low, high, options.*member); };
}

Setter share(double Mix::*member) {
  return [=](Options& options, const std::string& text) { return parse_number(text, 0.0, 1.0, options.mix.*member); };
}

Setter text(std::string Options::*member) {
  return [=](Options& options, const std::string& value) {
    options.*member = value;
    return std::string();
  };
}

Setter identifier(std::string Options::*member) {
  return [=](Options& options, const std::string& value) -> std::string {
    if (!is_valid_identifier(value)) return "takes 1 to 64 of [A-Za-z0-9._-], not \"" + value + "\"";
    options.*member = value;
    return {};
  };
}

Setter flag(bool Options::*member, bool value) {
  return [=](Options& options, const std::string&) {
    options.*member = value;
    return std::string();
  };
}

std::string set_urls(Options& options, const std::string& text) {
  constexpr std::size_t kUrlsMax = 64;
  options.urls.clear();
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) options.urls.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return options.urls.empty() || options.urls.size() > kUrlsMax ? "takes 1 to 64 addresses, separated by commas" : "";
}

std::string set_webhook_secret(Options& options, const std::string& text) {
  if (!WebhookSigner::parse(text)) return "takes whsec_ and 24 to 64 bytes in base64";
  options.webhook_secret = text;
  return {};
}

std::string set_arrivals(Options& options, const std::string& text) {
  if (text != "poisson" && text != "uniform") return "is poisson or uniform, not \"" + text + "\"";
  options.arrivals = text == "poisson" ? ArrivalPattern::poisson : ArrivalPattern::uniform;
  return {};
}

std::span<const OptionRule> rules() {
  static const std::vector<OptionRule> kRules{
      {"--url", "FLASHSALE_URL", true, set_urls},
      {"--admin-url", "FLASHSALE_ADMIN_URL", true, text(&Options::admin_url)},
      {"--admin-token", "FLASHSALE_ADMIN_TOKEN", true, text(&Options::admin_token)},
      {"--jwt-secret", "FLASHSALE_JWT_SECRET", true, text(&Options::jwt_secret)},
      {"--jwt-es256-key", nullptr, true, text(&Options::jwt_es256_key_path)},
      {"--jwt-issuer", "FLASHSALE_JWT_ISSUER", true, text(&Options::jwt_issuer)},
      {"--jwt-audience", "FLASHSALE_JWT_AUDIENCE", true, text(&Options::jwt_audience)},
      {"--postgres-url", "FLASHSALE_POSTGRES_URL", true, text(&Options::postgres_url)},
      {"--webhook-secret", "FLASHSALE_WEBHOOK_SECRET", true, set_webhook_secret},
      {"--sale", nullptr, true, identifier(&Options::sale)},
      {"--sku", nullptr, true, identifier(&Options::sku)},
      {"--create-stock", nullptr, true, number<std::int64_t>(&Options::create_stock, 0, 1'000'000'000)},
      {"--create-limit", nullptr, true, number<std::int64_t>(&Options::create_limit, 0, 1'000'000)},
      {"--create-payment-window-s", nullptr, true, number(&Options::create_payment_window_s, 1U, 3600U)},
      {"--keep-open", nullptr, false, flag(&Options::keep_open, true)},
      {"--items", nullptr, true, number(&Options::items, 1U, 1000U)},
      {"--rate", nullptr, true, number(&Options::rate_per_s, 0.1, 1e6)},
      {"--connections", nullptr, true, number(&Options::connections, 1U, 20'000U)},
      {"--open-connections", nullptr, true, number(&Options::open_connections, 1U, 20'000U)},
      {"--queue", nullptr, true, number(&Options::queue, 1U, 10'000'000U)},
      {"--arrivals", nullptr, true, set_arrivals},
      {"--seed", nullptr, true, number<std::uint64_t>(&Options::seed, 0, ~std::uint64_t{0})},
      {"--seconds", nullptr, true, number(&Options::seconds, 1U, 3600U)},
      {"--buyers", nullptr, true, number(&Options::buyers, 1U, kBuyersMax)},
      {"--retry-share", nullptr, true, share(&Mix::retry)},
      {"--duplicate-share", nullptr, true, share(&Mix::duplicate)},
      {"--greedy-share", nullptr, true, share(&Mix::greedy)},
      {"--reader-share", nullptr, true, share(&Mix::reader)},
      {"--respond-async-share", nullptr, true, share(&Mix::respond_async)},
      {"--cancel-share", nullptr, true, share(&Mix::cancel)},
      {"--cart-share", nullptr, true, share(&Mix::cart)},
      {"--pay-share", nullptr, true, share(&Mix::pay)},
      {"--pay-late-share", nullptr, true, share(&Mix::pay_late)},
      {"--pay-twice-share", nullptr, true, share(&Mix::pay_twice)},
      {"--pay-fail-share", nullptr, true, share(&Mix::pay_fail)},
      {"--threads", nullptr, true, number(&Options::threads, 1U, 64U)},
      {"--timeout-ms", nullptr, true, number(&Options::timeout_ms, 10U, 600'000U)},
      {"--settle-s", nullptr, true, number(&Options::settle_s, 0U, 600U)},
      {"--html", nullptr, true, text(&Options::html_path)},
      {"--json", nullptr, true, text(&Options::json_path)},
      {"--orders", nullptr, true, text(&Options::orders_path)},
      {"--no-check", nullptr, false, flag(&Options::with_check, false)},
      {"--redis-may-be-lost", nullptr, false, flag(&Options::redis_may_be_lost, true)},
      {"--behind-proxy", nullptr, false, flag(&Options::is_behind_proxy, true)},
  };
  return kRules;
}

std::string read_environment(Options& options, const Environment& environment) {
  for (const OptionRule& rule : rules()) {
    if (rule.variable == nullptr) continue;
    const auto value = environment(rule.variable);
    if (!value || value->empty()) continue;
    const std::string fault = rule.set(options, *value);
    if (!fault.empty()) return std::string(rule.variable) + " " + fault;
  }
  return {};
}

std::string read_arguments(Options& options, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    const auto rule =
        std::find_if(rules().begin(), rules().end(), [&](const OptionRule& one) { return one.name == name; });
    if (rule == rules().end()) return "there is no option \"" + name + "\"; --help lists them";
    if (!rule->takes_value && equals != std::string::npos) return name + " takes no value";
    const bool is_next = rule->takes_value && equals == std::string::npos;
    if (is_next && ++i == arguments.size()) return name + " takes a value";
    std::string value;
    if (rule->takes_value) value = is_next ? arguments[i] : arguments[i].substr(equals + 1);
    const std::string fault = rule->set(options, value);
    if (!fault.empty()) return name + " " + fault;
  }
  return {};
}

/// What is wrong between the options of a sale that has to be paid.
std::string judge_payments(const Options& options) {
  const double paying = options.mix.paying();
  const bool has_window = options.create_payment_window_s > 0;
  if (has_window && options.create_stock < 0) return "--create-payment-window-s goes with --create-stock";
  if (paying > 0 && !has_window) return "shares of payments need --create-payment-window-s";
  if (paying > 0 && options.webhook_secret.empty()) return "needs --webhook-secret or FLASHSALE_WEBHOOK_SECRET";
  return paying > 1 + 1e-9 ? "the shares of payments add up to more than 1" : "";
}

/// What no single option can know.
std::string judge(const Options& options) {
  const bool is_open = options.rate_per_s > 0;
  const bool creates = options.create_stock >= 0;
  const Mix& mix = options.mix;
  if (options.urls.empty()) return "needs --url or FLASHSALE_URL";
  if (options.jwt_secret.empty() && options.jwt_es256_key_path.empty()) {
    return "needs --jwt-secret or FLASHSALE_JWT_SECRET";
  }
  if (is_open == (options.connections > 0)) return "needs either --rate (open loop) or --connections (closed loop)";
  if (creates == !options.sale.empty()) return "needs either --sale or --create-stock";
  if (creates && !options.sku.empty()) return "--sku goes with --sale";
  if (!creates && options.keep_open) return "--keep-open goes with --create-stock";
  if (options.admin_url.empty() || options.admin_token.empty()) {
    return "needs --admin-url and --admin-token, or their variables";
  }
  if (options.postgres_url.empty()) return "needs --postgres-url";
  if (mix.retry + mix.duplicate + mix.greedy + mix.reader > 1 + 1e-9) return "the shares add up to more than 1";
  const bool has_one_item = !options.sku.empty() || (creates && options.items < 2);
  if (mix.cart > 0 && has_one_item) return "--cart-share needs several items";
  if (std::string fault = judge_payments(options); !fault.empty()) return fault;
  if (!options.orders_path.empty() && !options.with_check) return "--orders does not go with --no-check";
  const unsigned connections = is_open ? options.open_connections : options.connections;
  if (connections < options.threads) return "needs at least a connection for each thread";
  return options.buyers < options.threads ? "needs at least a buyer for each thread" : "";
}

}  // namespace

ParsedOptions parse_options(const std::vector<std::string>& arguments, const Environment& environment) {
  ParsedOptions parsed;
  parsed.wants_help = std::any_of(arguments.begin(), arguments.end(),
                                  [](const std::string& one) { return one == "--help" || one == "-h"; });
  if (parsed.wants_help) return parsed;
  parsed.error = read_environment(parsed.options, environment);
  if (parsed.error.empty()) parsed.error = read_arguments(parsed.options, arguments);
  if (parsed.error.empty()) parsed.error = judge(parsed.options);
  return parsed;
}

std::string_view usage() {
  return R"(flashsale-load run [option…]: load a flash sale, then check what the buyers were told
flashsale-load events --orders FILE [option…]: hold what was told of a run's orders against that; events --help
flashsale-load behaviour [option…]: people and bots, and how well the score of behaviour tells them; behaviour --help
flashsale-load curves [option…]: how crowds come, as CSV, without any server; curves --help
flashsale-load bench [option…]: the goals table, on private servers of its own; bench --help

Whom (variables are those of the env file of scripts/run: `. .flashsale/env`)
  --url LIST             FLASHSALE_URL            instances, separated by commas, used in turn; loopback only
  --admin-url URL        FLASHSALE_ADMIN_URL
  --admin-token TOKEN    FLASHSALE_ADMIN_TOKEN
  --jwt-secret SECRET    FLASHSALE_JWT_SECRET     buyers' tokens are signed with it (HS256)
  --jwt-es256-key FILE                            or with this private key (ES256, PEM)
  --jwt-issuer TEXT      FLASHSALE_JWT_ISSUER
  --jwt-audience TEXT    FLASHSALE_JWT_AUDIENCE
  --postgres-url URL     FLASHSALE_POSTGRES_URL   for the ids of orders, and the check
  --webhook-secret TEXT  FLASHSALE_WEBHOOK_SECRET the payment provider's messages are signed with it (whsec_…)

What
  --create-stock N       make a sale with a fresh id, N units of each item; it is closed when all is over
  --create-limit L       units of an item that one customer may have; 0: any number   (0)
  --create-payment-window-s N  orders have to be paid within N seconds (1..3600); without it they cost nothing
  --items N              items of that sale                                           (1)
  --keep-open            leave that sale open afterwards, for a day
  --sale ID [--sku SKU]  or buy in this sale, one of its items or any

How (one of the first two)
  --rate R               open loop: R arrivals a second, due at moments that are fixed in advance; latency counts
                         from those moments
  --connections N        closed loop: N connections, each with one request under way
  --seconds S            1..3600                                                      (10)
  --arrivals PATTERN     of the open loop: poisson or uniform                         (poisson)
  --seed N               of arrivals and mix; 0: another one each time                (0)
  --open-connections N   the open loop opens at most so many                          (1024)
  --queue N              arrivals that may wait for a connection; more are "not sent" (65536)
  --buyers N             distinct buyers, each with a token                           (1000000)
  --threads N                                                                         (1)
  --timeout-ms N         for an answer                                                (5000)

Who (shares of the arrivals, 0..1; the rest are buyers who order once)
  --retry-share F        an earlier key again
  --duplicate-share F    a new key, twice at once
  --greedy-share F       a new buyer, who orders one more than the limit allows, at once, with a key each
  --reader-share F       GET of the sale
  --respond-async-share F  of the checkouts: Prefer: respond-async
  --cancel-share F       of the 201s: cancelled afterwards, whether they are paid or not
  --cart-share F         of the new keys: a cart of 2 to 10 of the sale's items (--items 2 or more), a unit of each

Who pays (with --create-payment-window-s; shares of the 201s and 202s, 0..1; the rest never pay)
  --pay-share F          in time, once
  --pay-late-share F     after their time to pay
  --pay-twice-share F    two payments, each in time or late
  --pay-fail-share F     the payment fails

Afterwards
  --settle-s S           for the audit to become consistent                           (10)
  --no-check             do not hold the answers against PostgreSQL and the audit
  --redis-may-be-lost    a 202 may have been forgotten
  --behind-proxy         a refusal may be the second instance's answer
  --html FILE            the result as a page with plots
  --json FILE            the result for programs
  --orders FILE          the orders that buyers know of, for `flashsale-load events`; is there when all is over

Exit code: 0; 1 when the check found a lie; 2 when the run or the check could not be done.
)";
}

}  // namespace flashsale::load
