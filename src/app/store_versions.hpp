#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flashsale::app {

/// Why a Redis of this version (`redis_version` of INFO; Valkey gives there the Redis that it stands for) is too old;
/// empty if it is not, or if nobody can tell.
[[nodiscard]] std::string why_redis_is_too_old(std::string_view version);

/// Why a PostgreSQL of this version (`server_version_num`) is too old; empty if it is not.
[[nodiscard]] std::string why_postgres_is_too_old(std::int32_t version_number);

}  // namespace flashsale::app
