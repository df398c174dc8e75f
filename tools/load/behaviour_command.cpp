#include "behaviour_command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

#include "admin_client.hpp"
#include "behaviour_verdict.hpp"
#include "buyers.hpp"
#include "clock.hpp"
#include "formatted_text.hpp"
#include "own_sale.hpp"
#include "visitor_run.hpp"

namespace flashsale::load {
namespace {

constexpr std::chrono::hours kTokenLifetime{1};
/// Until the sale opens: it has to be known everywhere by then.
constexpr std::chrono::seconds kUntilOpening{3};
/// The server writes what is new every two seconds.
constexpr std::chrono::seconds kReadAgain{5};
constexpr int kReadingsMax = 8;

template <class Number>
std::string parse_number(const std::string& text, Number least, Number most, Number& out) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (!is_number || !(value >= least && value <= most)) {
    return "takes a number of " + std::to_string(least) + ".." + std::to_string(most) + ", not \"" + text + "\"";
  }
  out = value;
  return {};
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= list.size();) {
    const auto comma = std::min(list.find(',', at), list.size());
    if (comma > at) parts.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::string set(BehaviourOptions& options, std::string_view name, const std::string& value) {
  if (name == "--url") options.urls = split(value);
  else if (name == "--admin-url") options.admin_url = value;
  else if (name == "--admin-token") options.admin_token = value;
  else if (name == "--jwt-secret") options.jwt_secret = value;
  else if (name == "--jwt-issuer") options.jwt_issuer = value;
  else if (name == "--jwt-audience") options.jwt_audience = value;
  else if (name == "--people") return parse_number(value, 10U, 100'000U, options.visitors.people);
  else if (name == "--bots") return parse_number(value, 0.0, 1.0, options.visitors.bots);
  else if (name == "--seconds") return parse_number(value, 10.0, 600.0, options.visitors.seconds);
  else if (name == "--stock") return parse_number<std::int64_t>(value, 0, 1'000'000, options.stock);
  else if (name == "--seed") return parse_number<std::uint64_t>(value, 0, ~std::uint64_t{0}, options.seed);
  else if (name == "--threshold") return parse_number(value, 1, 100, options.threshold);
  else return "is no option; behaviour --help lists them";
  return {};
}

std::string judge(const BehaviourOptions& options) {
  if (options.urls.empty()) return "needs --url or FLASHSALE_URL";
  if (options.admin_url.empty() || options.admin_token.empty()) {
    return "needs --admin-url and --admin-token, or their variables";
  }
  return options.jwt_secret.empty() ? "needs --jwt-secret or FLASHSALE_JWT_SECRET" : "";
}

Target target_of(const std::string& url) {
  auto parsed = parse_target(url);
  if (!parsed.error.empty()) throw std::runtime_error(parsed.error);
  return std::move(parsed.target);
}

TokenMint mint_for(const BehaviourOptions& options, std::uint32_t buyers) {
  identity::TokenOptions tokens;
  tokens.secret = options.jwt_secret;
  tokens.issuer = options.jwt_issuer;
  tokens.audience = options.jwt_audience;
  return {tokens, buyers, std::chrono::system_clock::now(), kTokenLifetime, 1};
}

/// Until two readings agree, as all instances have written what they know by then.
std::map<std::string, int> read_scores(AdminClient& admin, const std::string& sale_id) {
  std::map<std::string, int> scores;
  for (int reading = 0; reading < kReadingsMax; ++reading) {
    std::this_thread::sleep_for(kReadAgain);
    std::map<std::string, int> now;
    for (const auto& one : admin.behaviour(sale_id)) now[one.customer_id] = one.score;
    if (reading > 0 && now == scores) break;
    scores = std::move(now);
  }
  return scores;
}

std::string text_of(const VisitorRun::Counts& counts, const std::string& sale_id, std::uint64_t seed) {
  std::string text;
  append_format(text, "sale %s, seed %" PRIu64 "\n", sale_id.c_str(), seed);
  append_format(text,
                "%" PRIu64 " checkouts: %" PRIu64 " orders, %" PRIu64 " refused, %" PRIu64 " failed; %" PRIu64
                " orders cancelled, and %" PRIu64 " times units seen to come back\n",
                counts.checkouts, counts.orders, counts.refused, counts.failed, counts.cancelled, counts.returns);
  return text;
}

}  // namespace

ParsedBehaviourOptions parse_behaviour_options(const std::vector<std::string>& arguments,
                                               const Environment& environment) {
  static constexpr std::array<std::pair<const char*, const char*>, 6> kVariables{
      {{"FLASHSALE_URL", "--url"},
       {"FLASHSALE_ADMIN_URL", "--admin-url"},
       {"FLASHSALE_ADMIN_TOKEN", "--admin-token"},
       {"FLASHSALE_JWT_SECRET", "--jwt-secret"},
       {"FLASHSALE_JWT_ISSUER", "--jwt-issuer"},
       {"FLASHSALE_JWT_AUDIENCE", "--jwt-audience"}}};
  ParsedBehaviourOptions parsed;
  for (const auto& [variable, name] : kVariables) {
    const auto value = environment(variable);
    if (value && !value->empty()) static_cast<void>(set(parsed.options, name, *value));
  }
  for (std::size_t i = 0; i < arguments.size() && parsed.error.empty(); i += 2) {
    if (arguments[i] == "--help" || arguments[i] == "-h") {
      parsed.wants_help = true;
      return parsed;
    }
    std::string fault = "takes a value";
    if (i + 1 < arguments.size()) fault = set(parsed.options, arguments[i], arguments[i + 1]);
    if (!fault.empty()) parsed.error = arguments[i] + " " + fault;
  }
  if (parsed.error.empty()) parsed.error = judge(parsed.options);
  return parsed;
}

std::string_view behaviour_usage() {
  return R"(flashsale-load behaviour [option…]: people and bots at a sale, and how well their scores tell them apart

Whom (variables are those of the env file of scripts/run: `. .flashsale/env`)
  --url LIST             FLASHSALE_URL            instances, separated by commas, used in turn; loopback only. They have
                                                  to trust X-Forwarded-For from here (http.trusted_proxies)
  --admin-url URL        FLASHSALE_ADMIN_URL
  --admin-token TOKEN    FLASHSALE_ADMIN_TOKEN
  --jwt-secret SECRET    FLASHSALE_JWT_SECRET
  --jwt-issuer TEXT      FLASHSALE_JWT_ISSUER
  --jwt-audience TEXT    FLASHSALE_JWT_AUDIENCE

Who
  --people N             10..100000                                                    (2000)
  --bots SHARE           of the people; seven kinds in equal numbers                   (0.1)
  --seconds S            10..600, from the opening on                                  (40)
  --stock N              units                                                         (one for twenty people)
  --seed N               the same crowd again                                          (1)
  --threshold SCORE      who is called a bot                                           (50)
)";
}

std::string run_behaviour(const BehaviourOptions& options, const std::atomic<bool>& is_stopping) {
  const auto visitors = draw_visitors(options.visitors, options.seed);
  const TokenMint tokens = mint_for(options, static_cast<std::uint32_t>(visitors.size()));
  AdminClient admin(target_of(options.admin_url), options.admin_token);
  VisitorRun::Parameters run;
  for (const auto& url : options.urls) run.targets.push_back(target_of(url));
  std::random_device device;
  run.sale_id = "behaviour-" + std::to_string(device());
  run.sku = "item-0";
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const std::uint64_t now_here_ns = now_ns();
  const auto stock = options.stock >= 0 ? options.stock : std::int64_t{options.visitors.people / 20};
  const OwnSale sale(admin, {run.sale_id, 1, stock, 1, 0, now + kUntilOpening});
  run.opening_ns = now_here_ns + static_cast<std::uint64_t>(kUntilOpening.count()) * kSecondNs;
  run.length_ns = static_cast<std::uint64_t>(options.visitors.seconds * 1e9);
  run.seed = options.seed;
  run.is_stopping = &is_stopping;
  VisitorRun crowd(run, visitors, tokens);
  crowd.play();

  const auto scores = read_scores(admin, run.sale_id);
  std::vector<ScoredVisitor> scored;
  for (std::uint32_t i = 0; i < visitors.size(); ++i) {
    const auto score = scores.find(customer_id_of(i));
    scored.push_back({visitors[i].kind, score == scores.end() ? 0 : score->second});
  }
  return text_of(crowd.counts(), run.sale_id, options.seed) + behaviour_text(scored, options.threshold);
}

}  // namespace flashsale::load
