#include "sale_scan.hpp"

namespace flashsale::postgres {

void allow_long_reads(Session& session, pqxx::transaction_base& tx) {
  tx.exec("SET LOCAL statement_timeout = '60s'");
  // By the key, however large the planner takes the sale for: of a small one beside a large one it would read both.
  tx.exec("SET LOCAL enable_seqscan = off");
  // For an empty sale the workers cost more than the read, and for a large one they would be the buyers'.
  tx.exec("SET LOCAL max_parallel_workers_per_gather = 0");
  session.more_time(kLongRead);
}

}  // namespace flashsale::postgres
