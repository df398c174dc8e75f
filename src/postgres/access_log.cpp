#include "flashsale/postgres/access_log.hpp"

#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

Error record_access(Session& session, std::string_view who, std::string_view action, std::string_view subject,
                    std::string_view change) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    write_log(tx, who, action, subject, change);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
