#pragma once
#include <memory>
#include <string>

#include "flashsale/api/exchange.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::api {

struct ExportRequest {
  std::string sale_id;
  std::string who;
  bool with_behaviour = false;  ///< a column with the score of each order's customer
};

/// Answers with all orders of a sale as a CSV file, streamed as fast as the client takes it, in five minutes at most.
/// Blocking. Memory holds some hundred rows, whatever the sale's size. A failure after the start cuts the connection.
void send_order_export(postgres::Session& session, const std::shared_ptr<Exchange>& exchange,
                       const ExportRequest& asked);

}  // namespace flashsale::api
