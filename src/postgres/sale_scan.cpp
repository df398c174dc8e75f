#include "sale_scan.hpp"

namespace flashsale::postgres {

void allow_long_reads(Session& session, pqxx::transaction_base& tx) {
  tx.exec("SET LOCAL statement_timeout = '60s'");
  session.more_time(kLongRead);
}

}  // namespace flashsale::postgres
