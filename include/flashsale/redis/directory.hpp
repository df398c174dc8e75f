#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/redis/call.hpp"

namespace flashsale::redis {

/// Keys that belong to no sale: what has last been seen of PostgreSQL, for all instances to compare.

/// Raises the directory version that every pulse reads; never lowers it.
[[nodiscard]] Call<Done> raise_directory(std::int64_t version);
/// The same for PostgreSQL's WAL position. `is_less`: it may be lower than before.
[[nodiscard]] Call<Done> raise_wal(std::string_view postgres_identity, std::int64_t position, bool is_less);
/// Empty: the key is not there, Redis has lost it.
[[nodiscard]] Call<std::optional<std::int64_t>> read_directory();
[[nodiscard]] Call<std::optional<std::int64_t>> read_wal(std::string_view postgres_identity);

/// The last mark that was seen in a PostgreSQL server (ServerMark).
struct AnnouncedMark {
  std::int64_t number = 0;
  std::string text;
};
[[nodiscard]] Call<Done> tell_mark(std::string_view postgres_identity, std::int64_t number, std::string_view mark);
/// Empty: Redis knows of none.
[[nodiscard]] Call<std::optional<AnnouncedMark>> read_mark(std::string_view postgres_identity);

}  // namespace flashsale::redis
