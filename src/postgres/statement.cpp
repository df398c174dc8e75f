#include "statement.hpp"

#include <type_traits>

#include "embedded/flashsale_postgres.hpp"

namespace flashsale::postgres {
namespace {

std::string_view class_of(const std::string& sqlstate) { return std::string_view(sqlstate).substr(0, 2); }

/// An ERROR during COMMIT means that the transaction was rolled back; a FATAL one or a defect of the server may come
/// after its commit record was written.
bool tells_rollback(const std::string& sqlstate) {
  const auto kind = class_of(sqlstate);
  return kind == "22" || kind == "23" || kind == "25" || kind == "40" || kind == "55" || sqlstate == "57014";
}

using Connection = std::remove_reference_t<decltype(std::declval<pqxx::transaction_base&>().conn())>;

// libpqxx 7.10 has another way, which the older ones lack.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/// Whether the server says anything besides its answer, for as long as this lives.
class Warnings final : public pqxx::errorhandler {
 public:
  explicit Warnings(Connection& connection) : pqxx::errorhandler(connection) {}
  bool operator()(const char* /*message*/) noexcept override {
    any_ = true;
    return false;
  }
  [[nodiscard]] bool any() const { return any_; }

 private:
  bool any_ = false;
};
#pragma GCC diagnostic pop

/// A COMMIT that waits for a synchronous standby and is cancelled is answered as one that succeeded. That it stands on
/// this server alone is told by nothing but a warning.
void commit_without_warning(pqxx::transaction_base& tx) {
  const Warnings warnings(tx.conn());
  tx.commit();
  if (warnings.any()) throw pqxx::in_doubt_error("the server has warned of a commit");
}

}  // namespace

void commit(pqxx::transaction_base& tx) {
  try {
    commit_without_warning(tx);
  } catch (const pqxx::in_doubt_error&) {
    throw;
  } catch (const pqxx::serialization_failure&) {
    throw;
  } catch (const pqxx::deadlock_detected&) {
    throw;
  } catch (const pqxx::sql_error& error) {
    if (tells_rollback(error.sqlstate())) throw;
    throw pqxx::in_doubt_error(error.what());
  } catch (const std::exception& error) {
    throw pqxx::in_doubt_error(error.what());
  }
}

void commit_found(pqxx::transaction_base& tx) {
  execute(tx, embedded::commit_waits_sql);
  commit(tx);
}

void use_one_snapshot(pqxx::transaction_base& tx) {
  tx.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

bool is_refused_data(const pqxx::sql_error& error) {
  const auto kind = class_of(error.sqlstate());
  return kind == "22" || kind == "23" || kind == "54";
}

}  // namespace flashsale::postgres
