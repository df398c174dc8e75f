#include "store_versions.hpp"

#include <charconv>

namespace flashsale::app {
namespace {

/// Its scripts may have flags, which those of flashsaled have.
constexpr std::int32_t kRedisLeast = 7;
/// The oldest that the tests run on.
constexpr std::int32_t kPostgresLeast = 15;

}  // namespace

std::string why_redis_is_too_old(std::string_view version) {
  std::int32_t major = 0;
  const auto read = std::from_chars(version.data(), version.data() + version.size(), major);
  if (read.ec != std::errc() || major >= kRedisLeast) return {};
  return "is of version " + std::string(version) + "; Redis " + std::to_string(kRedisLeast) +
         ".0 or later, or Valkey, is needed";
}

std::string why_postgres_is_too_old(std::int32_t version_number) {
  const auto major = version_number / 10'000;
  if (major >= kPostgresLeast) return {};
  return "is of version " + std::to_string(major) + "; " + std::to_string(kPostgresLeast) + " or later is needed";
}

}  // namespace flashsale::app
