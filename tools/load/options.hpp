#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrivals.hpp"

namespace flashsale::load {

/// Shares of the load's arrivals. What they leave are buyers who order once.
struct Mix {
  double retry = 0;      ///< the key of an earlier arrival, again
  double duplicate = 0;  ///< a new key, twice at once
  double greedy = 0;     ///< a new buyer, who orders one more than allowed, with a key each, at once
  double reader = 0;     ///< the catalog
  // Of the checkouts and the orders, not of the arrivals.
  double respond_async = 0;
  double cancel = 0;
  double cart = 0;  ///< of the new keys: an order of several items
  // Of the orders, 201s and 202s, of a sale in which they have to be paid. What they leave never pay.
  double pay = 0;
  double pay_late = 0;   ///< after the time to pay
  double pay_twice = 0;  ///< two payments
  double pay_fail = 0;

  [[nodiscard]] double paying() const { return pay + pay_late + pay_twice + pay_fail; }
};

struct Options {
  // Whom to load
  std::vector<std::string> urls;
  std::string admin_url;
  std::string admin_token;
  std::string jwt_secret;
  std::string jwt_es256_key_path;  ///< empty: tokens are signed with the secret
  std::string jwt_issuer;
  std::string jwt_audience;
  std::string postgres_url;
  std::string webhook_secret;

  // What is bought
  std::string sale;
  std::string sku;                 ///< empty: every item of the sale
  std::int64_t create_stock = -1;  ///< of each item; below zero: the sale is there already
  std::int64_t create_limit = 0;
  unsigned create_payment_window_s = 0;  ///< 0: free of charge
  unsigned items = 1;
  bool keep_open = false;  ///< the sale that was made

  // How
  double rate_per_s = 0;     ///< open loop
  unsigned connections = 0;  ///< closed loop
  unsigned open_connections = 1024;
  unsigned queue = 65'536;  ///< arrivals that may wait for a free connection
  ArrivalPattern arrivals = ArrivalPattern::poisson;
  std::uint64_t seed = 0;
  unsigned seconds = 10;
  std::uint32_t buyers = 1'000'000;
  Mix mix;
  unsigned threads = 1;
  unsigned timeout_ms = 5000;

  // Afterwards
  unsigned settle_s = 10;
  bool with_check = true;
  bool redis_may_be_lost = false;
  bool is_behind_proxy = false;
  std::string html_path;
  std::string json_path;
  std::string orders_path;
};

struct ParsedOptions {
  Options options;
  bool wants_help = false;
  std::string error;  ///< one line; empty: none
};

using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Arguments behind `run`. An option wins over the environment variable of the same meaning.
[[nodiscard]] ParsedOptions parse_options(const std::vector<std::string>& arguments, const Environment& environment);
[[nodiscard]] std::string_view usage();

}  // namespace flashsale::load
