#include "request_id.hpp"

#include <algorithm>

#include "flashsale/model/request_id.hpp"
#include "flashsale/telemetry/random_word.hpp"

namespace flashsale::http {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void write_hex(std::uint64_t number, char* out) {
  for (int i = 15; i >= 0; --i, number >>= 4) out[i] = kHexDigits[number & 0xf];
}

}  // namespace

void make_request_id(MadeRequestId& id) {
  write_hex(telemetry::random_word(), id.data());
  write_hex(telemetry::random_word(), id.data() + 16);
}

bool is_usable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= RequestId::kBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace flashsale::http
