#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// Prepares each statement of a connection when it is first executed: to plan one costs many times what it does. A plan
/// is made anew after ten seconds, since it goes by how large the tables were when it was made, and a sale may have
/// begun since. One thread at a time.
class StatementCache {
 public:
  using Connection = std::remove_reference_t<decltype(std::declval<pqxx::transaction_base&>().conn())>;

  explicit StatementCache(Connection& connection,
                          std::chrono::milliseconds planned_anew_after = std::chrono::seconds(10))
      : connection_(connection), planned_anew_after_(planned_anew_after) {}

  /// The name under which it is prepared now. Empty: the connection has enough of them.
  [[nodiscard]] std::string_view name_of(std::string_view sql);

  /// What an error of libpqxx says was executed, with the statement's text in place of its name.
  [[nodiscard]] std::string with_text(std::string said) const;

  /// Whether an error can come of it that a statement was prepared long ago: a migration has changed what it returns,
  /// or somebody has discarded it. A new connection helps.
  [[nodiscard]] static bool may_be_stale(std::string_view sqlstate, std::string_view said);

  /// Within its lifetime execute() of this thread uses the cache, for transactions of its connection.
  class Use {
   public:
    explicit Use(StatementCache& cache);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    StatementCache* before_;
  };
  /// The one in use for this connection; null: none.
  [[nodiscard]] static StatementCache* of(const Connection& connection);

 private:
  using Clock = std::chrono::steady_clock;
  struct Statement {
    std::string name;
    Clock::time_point prepared_at;
  };

  Connection& connection_;
  std::chrono::milliseconds planned_anew_after_;
  std::map<std::string, Statement, std::less<>> statements_;  ///< by their texts
};

}  // namespace flashsale::postgres
