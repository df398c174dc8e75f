#include "flashsale/redis/directory.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include "evalsha.hpp"
#include "plain_replies.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

std::string mark_key(std::string_view postgres_identity) {
  return std::string(kMarkKeyPrefix).append(postgres_identity);
}

std::string wal_key(std::string_view postgres_identity) { return std::string(kWalKeyPrefix).append(postgres_identity); }

Call<Done> raise_number(std::string_view key, std::int64_t number) {
  auto command = evalsha("raise_number", {key}, 1);
  command.add(number);
  return {std::move(command), Reader(read_done)};
}

Result<std::optional<std::int64_t>> read_raised(ReplyView reply) {
  if (reply.is_nil()) return std::optional<std::int64_t>{};
  return std::optional(reply.number());
}

Result<std::optional<AnnouncedMark>> read_announced(ReplyView reply) {
  const auto text = reply.text();
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::optional<AnnouncedMark>{};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, number);
  if (error != std::errc{} || end != text.data() + colon) return std::optional<AnnouncedMark>{};
  return std::optional<AnnouncedMark>({number, std::string(text.substr(colon + 1))});
}

}  // namespace

Call<Done> raise_directory(std::int64_t version) { return raise_number(kDirectoryKey, version); }

Call<Done> raise_wal(std::string_view postgres_identity, std::int64_t position, bool is_less) {
  const auto key = wal_key(postgres_identity);
  if (is_less) return {Command{"SET", key, std::to_string(position)}, Reader(read_done)};
  return raise_number(key, position);
}

Call<std::optional<std::int64_t>> read_directory() { return {Command{"GET", kDirectoryKey}, Reader(read_raised)}; }

Call<std::optional<std::int64_t>> read_wal(std::string_view postgres_identity) {
  return {Command{"GET", wal_key(postgres_identity)}, Reader(read_raised)};
}

Call<Done> tell_mark(std::string_view postgres_identity, std::int64_t number, std::string_view mark) {
  return {Command{"SET", mark_key(postgres_identity), std::to_string(number).append(":").append(mark)},
          Reader(read_done)};
}

Call<std::optional<AnnouncedMark>> read_mark(std::string_view postgres_identity) {
  return {Command{"GET", mark_key(postgres_identity)}, Reader(read_announced)};
}

}  // namespace flashsale::redis
