#include "flashsale/postgres/migrator.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <thread>

#include "embedded/flashsale_postgres.hpp"
#include "embedded/flashsale_postgres_migrations.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/log.hpp"
#include "migration_lock.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// An index on a table of millions.
constexpr std::chrono::minutes kMigrationTime{30};
/// A table that somebody reads for long, as a rebuild does.
constexpr int kBusyAttempts = 60;
constexpr std::chrono::milliseconds kBusyPause{1000};

struct Migration {
  std::int32_t number = 0;
  std::string_view name;
  std::string_view text;
};

/// The files NNNN_name.sql, in order.
std::vector<Migration> known_migrations() {
  std::vector<Migration> known;
  for (const auto& file : migrations::files) {
    std::int32_t number = 0;
    const auto parsed = std::from_chars(file.name.data(), file.name.data() + file.name.size(), number);
    FLASHSALE_CHECK(parsed.ptr == file.name.data() + 4 && file.name[4] == '_');
    known.push_back({number, file.name, file.text});
  }
  std::ranges::sort(known, {}, &Migration::number);
  return known;
}

std::string checksum(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  FLASHSALE_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out.push_back(kHex[digest[i] >> 4U]);
    out.push_back(kHex[digest[i] & 15U]);
  }
  return out;
}

bool is_blank_or_comment(std::string_view line) {
  const auto start = line.find_first_not_of(" \t\r");
  return start == std::string_view::npos || line.substr(start).starts_with("--");
}

/// Whether the line begins the body of a function or of a block, or ends one.
bool has_body_mark(std::string_view line) { return line == "AS $$" || line == "DO $$" || line == "$$;"; }

/// A statement ends with a semicolon at the end of a line, but for those in such a body.
std::vector<std::string> statements_of(std::string_view text) {
  std::vector<std::string> statements;
  std::string statement;
  bool in_body = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_blank_or_comment(line)) continue;
    statement.append(line).push_back('\n');
    in_body = in_body != has_body_mark(line);
    if (in_body || !line.ends_with(';')) continue;
    statements.push_back(std::move(statement));
    statement.clear();
  }
  FLASHSALE_CHECK(statement.empty());
  return statements;
}

using Recorded = std::map<std::int32_t, std::string>;  // number → checksum

bool has_migrations_table(pqxx::transaction_base& tx) {
  return !tx.exec("SELECT to_regclass('schema_migrations')")[0][0].is_null();
}

Recorded recorded_migrations(pqxx::transaction_base& tx) {
  Recorded recorded;
  if (!has_migrations_table(tx)) return recorded;
  for (const auto& row : tx.exec("SELECT number, checksum FROM schema_migrations")) {
    recorded.emplace(row[0].as<std::int32_t>(), row[1].as<std::string>());
  }
  return recorded;
}

void record(pqxx::transaction_base& tx, const Migration& migration) {
  if (!has_migrations_table(tx)) {
    tx.exec(
        "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now())");
  }
  execute(tx, "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)", migration.number,
          std::string(migration.name), checksum(migration.text));
}

/// False when the database holds another text under one of these numbers. Later ones are a newer version's.
bool agrees(const Recorded& recorded, const std::vector<Migration>& known) {
  return std::ranges::all_of(known, [&](const Migration& migration) {
    const auto found = recorded.find(migration.number);
    return found == recorded.end() || found->second == checksum(migration.text);
  });
}

enum class Step : std::uint8_t { applied, was_done, refused };

Step apply(pqxx::connection& connection, const Migration& migration, const std::vector<Migration>& known) {
  pqxx::work tx(connection);
  // An index on a large table takes its time, and so does another instance that is at it now.
  tx.exec("SET LOCAL statement_timeout = 0");
  tx.exec("SET LOCAL lock_timeout = '60s'");
  take_migration_lock(tx);
  // Whoever waits for a table's lock holds up all who come after: better let go and try again.
  tx.exec("SET LOCAL lock_timeout = '2s'");
  const Recorded recorded = recorded_migrations(tx);
  if (!agrees(recorded, known)) return Step::refused;
  if (recorded.contains(migration.number)) return Step::was_done;
  for (const auto& statement : statements_of(migration.text)) tx.exec(statement);
  record(tx, migration);
  commit(tx);
  return Step::applied;
}

}  // namespace

Result<std::vector<std::string>> migrate(Session& session) {
  const auto known = known_migrations();
  std::vector<std::string> applied;
  for (const auto& migration : known) {
    Step step = Step::refused;
    Error error;
    for (int attempt = 0; attempt < kBusyAttempts; ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(kBusyPause);
      error = session.run([&](pqxx::connection& connection) {
        session.more_time(kMigrationTime);
        step = apply(connection, migration, known);
      });
      if (error != make_error_code(Failure::busy) && error != make_error_code(Failure::timed_out)) break;
    }
    if (error) return error;
    if (step == Step::refused) {
      telemetry::log_error("a migration's text is not the one that was applied");
      return Error(Failure::internal);
    }
    if (step == Step::applied) applied.emplace_back(migration.name);
  }
  return applied;
}

Result<SchemaState> schema_state(Session& session) {
  const auto known = known_migrations();
  SchemaState state;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    const Recorded recorded = recorded_migrations(tx);
    state.found = recorded.empty() ? 0 : recorded.rbegin()->first;
    state.expected = known.empty() ? 0 : known.back().number;
    state.is_complete =
        std::ranges::all_of(known, [&](const Migration& migration) { return recorded.contains(migration.number); });
    state.checksums_match = agrees(recorded, known);
  });
  if (error) return error;
  return state;
}

Result<Durability> durability(Session& session) {
  Durability found;
  const Error error = session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    const auto rows = tx.exec(std::string(embedded::server_durability_sql));
    const auto row = rows[0];
    found.fsync = row[0].as<bool>();
    found.full_page_writes = row[1].as<bool>();
    found.synchronous_commit = row[2].as<std::string>();
    found.server_version = row[3].as<std::int32_t>();
    found.in_recovery = row[4].as<bool>();
  });
  if (error) return error;
  return found;
}

}  // namespace flashsale::postgres
