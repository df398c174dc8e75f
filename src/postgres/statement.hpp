#pragma once
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "flashsale/postgres/pqxx.hpp"
#include "statement_cache.hpp"

// The few places where libpqxx 6 and 7 differ. Parameters are numbers, bool and std::string; there is no null among
// them, since libpqxx 6 has no portable way to say it: statements use NULLIF or arrays instead.
namespace flashsale::postgres {

#if PQXX_VERSION_MAJOR > 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 10)
template <class... Parameters>
pqxx::result execute_unprepared(pqxx::transaction_base& tx, std::string_view sql, const Parameters&... parameters) {
  const std::string text(sql);
  return tx.exec(pqxx::zview{text}, pqxx::params{parameters...});
}
template <class... Parameters>
pqxx::result execute_prepared(pqxx::transaction_base& tx, const char* name, const Parameters&... parameters) {
  return tx.exec(pqxx::prepped{name}, pqxx::params{parameters...});
}
#else
template <class... Parameters>
pqxx::result execute_unprepared(pqxx::transaction_base& tx, std::string_view sql, const Parameters&... parameters) {
  return tx.exec_params(std::string(sql), parameters...);
}
template <class... Parameters>
pqxx::result execute_prepared(pqxx::transaction_base& tx, const char* name, const Parameters&... parameters) {
  return tx.exec_prepared(name, parameters...);
}
#endif

/// Within Session::run() the statement is prepared when it is first executed.
template <class... Parameters>
pqxx::result execute(pqxx::transaction_base& tx, std::string_view sql, const Parameters&... parameters) {
  auto* const cache = StatementCache::of(tx.conn());
  const auto name = cache != nullptr ? cache->name_of(sql) : std::string_view{};
  if (name.empty()) return execute_unprepared(tx, sql, parameters...);
  return execute_prepared(tx, name.data(), parameters...);
}

/// Commits. Whatever leaves it open whether the transaction stands becomes pqxx::in_doubt_error, a warning of the
/// server too; every transaction that changes something ends with this and not with tx.commit().
void commit(pqxx::transaction_base& tx);
/// Ends a transaction that has found written what it was to write. A row that is seen need not be as durable as one
/// that was committed: this waits until it is (PROTOCOL R5).
void commit_found(pqxx::transaction_base& tx);

/// Makes the transaction that has just begun a read-only one in which every statement sees the same moment.
void use_one_snapshot(pqxx::transaction_base& tx);

/// SQLSTATE classes 22, 23 and 54: this row cannot be stored, whoever tries it and whenever.
[[nodiscard]] bool is_refused_data(const pqxx::sql_error& error);

/// COPY of rows into a table. A null pointer is NULL; texts must hold no NUL byte.
template <std::size_t Columns>
class CopyStream {
 public:
  using Row = std::array<const char*, Columns>;

#if PQXX_VERSION_MAJOR >= 7
  CopyStream(pqxx::transaction_base& tx, const char* table, const std::array<const char*, Columns>& columns)
      : stream_(pqxx::stream_to::raw_table(tx, table, joined(columns))) {}
  void write(const Row& row) {
    std::apply([this](auto... field) { stream_.write_values(field...); }, row);
  }
#else
  CopyStream(pqxx::transaction_base& tx, const char* table, const std::array<const char*, Columns>& columns)
      : stream_(tx, table, columns) {}
  void write(const Row& row) { stream_ << row; }
#endif
  void complete() { stream_.complete(); }

 private:
  [[maybe_unused]] static std::string joined(const std::array<const char*, Columns>& columns) {
    std::string out;
    for (const char* column : columns) out.append(out.empty() ? "" : ",").append(column);
    return out;
  }
  pqxx::stream_to stream_;
};

}  // namespace flashsale::postgres
