#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "flashsale/model/result.hpp"

namespace flashsale::redis {

/// Where Redis is, from `redis://[[user]:password@]host[:port][/database]`.
struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string user;
  std::string password;
  std::uint32_t database = 0;
};

/// Throws std::invalid_argument with one clear line that does not repeat a password; start-up only.
[[nodiscard]] Address parse_url(const std::string& url);

struct Options {
  Address address;
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds timeout{1000};  ///< for one call, from hand-over to answer
  bool allow_replica = false;
  bool load_scripts = true;  ///< false: for whoever only asks about the server
};

}  // namespace flashsale::redis
