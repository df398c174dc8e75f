#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace flashsale::http {

using MadeRequestId = std::array<char, 32>;

/// Makes ids for requests that came without one: 16 random bytes in hexadecimal. Unique, but not secret. For one
/// thread.
class RequestIdMaker {
 public:
  RequestIdMaker();
  void make(MadeRequestId& id);

 private:
  std::uint64_t next();
  std::array<std::uint64_t, 4> state_{};
};

/// May a client's X-Request-Id stand in answers and log lines: 1..128 visible ASCII characters.
[[nodiscard]] bool is_usable_request_id(std::string_view id);

}  // namespace flashsale::http
