#include "live_endpoints.hpp"

#include <string>

#include "flashsale/identity/client_address.hpp"

namespace flashsale::api {
namespace {

/// A client has at most one event of each kind on its way; this is room for the largest sale.
constexpr std::size_t kBufferBytesMax = std::size_t{512} * 1024;

}  // namespace

/// How many there may be, StreamPlaces says for all threads together.
LiveEndpoints::LiveEndpoints(ProcessParts& process, ThreadParts thread, StreamPlaces& places)
    : process_(process),
      thread_(thread),
      places_(places),
      hub_(thread.context, {.streams_max = SIZE_MAX, .buffer_bytes_max = kBufferBytesMax},
           process.metrics.queue_depth("live_streams")),
      feed_(thread.context, thread.catalog, {}) {}

void LiveEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::get, "/v1/sales/{sale_id}/events", [this](Exchange& exchange) { listen(exchange); }});
}

void LiveEndpoints::listen(Exchange& exchange) {
  const auto sale_id = exchange.request().path_parameters[0];
  if (const auto sale = thread_.sales.find_in_memory(sale_id)) return open(exchange, *sale);
  thread_.sales.find(
      sale_id, [this, kept = exchange.shared_from_this()](catalog::SaleLookup::Outcome outcome, const auto& sale) {
        if (outcome == catalog::SaleLookup::Outcome::found) return open(*kept, *sale);
        if (outcome == catalog::SaleLookup::Outcome::unknown) {
          return reply_problem(*kept, ProblemType::unknown_sale, "there is no sale of this id");
        }
        reply_problem(*kept, ProblemType::unavailable, "the sale cannot be looked up at the moment");
      });
}

void LiveEndpoints::open(Exchange& exchange, const catalog::SaleSnapshot& sale) {
  const auto& request = exchange.request();
  auto [place, refusal] = places_.take(
      identity::client_address(request.peer_address, request.header(Header::forwarded_for), process_.trusted_proxies));
  switch (refusal) {
    case StreamPlaces::Refusal::none: break;
    case StreamPlaces::Refusal::all_taken:
      return reply_problem(exchange, ProblemType::overloaded, "as many streams are open as there may be");
    case StreamPlaces::Refusal::address_has_enough:
      return reply_problem(exchange, ProblemType::rate_limited, "too many streams are open from this address");
  }
  const auto stream = hub_.open(exchange);
  if (stream) feed_.follow(stream, sale.sale->id, std::move(place));
}

}  // namespace flashsale::api
