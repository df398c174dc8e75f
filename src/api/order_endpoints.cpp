#include "order_endpoints.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "caller.hpp"
#include "flashsale/identity/client_address.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/model/order_total.hpp"
#include "json_body.hpp"
#include "named_sale.hpp"
#include "operation.hpp"
#include "order_cancellation.hpp"
#include "order_lists.hpp"
#include "order_reply.hpp"
#include "order_request.hpp"

namespace flashsale::api {
namespace {

using checkout::PlacementOutcome;
using checkout::PlacementResult;

QueryParameters list_parameters(const Exchange& exchange) {
  return {exchange.request().query, {"sale_id", "limit", "cursor"}};
}

/// As the limits know it.
std::string client_of(const Request& request, const identity::GatewayPeers& proxies) {
  return identity::client_network(
      identity::client_address(request.peer_address, request.header(Header::forwarded_for), proxies));
}

std::string location_of(const OrderId& id) {
  std::string headers;
  append_header(headers, "Location", "/v1/orders/" + id.to_string());
  return headers;
}

std::nullopt_t refuse(Exchange& exchange, ProblemType problem, std::string_view detail) {
  reply_problem(exchange, problem, detail);
  return std::nullopt;
}

std::string not_open_members(const Sale& sale, TimePoint now) {
  std::string members = "\"state\":";
  append_json_string(members, to_string(effective_state(sale.state, sale.starts_at, sale.ends_at, now)));
  members += ",\"starts_at\":\"";
  append_rfc3339(members, sale.starts_at);
  members += '"';
  if (sale.rehearsal) append_rehearsal(members);
  return members;
}

/// What is asked for, as the stores know it; or why that can be no order of this sale, which has been answered.
std::optional<OrderLines> find_lines(Exchange& exchange, const OrderBody& body, const Sale& sale) {
  OrderLines lines;
  std::int64_t quantity = 0;
  for (const auto& line : body.lines) {
    const auto* item = sale.find_item(line.sku);
    if (!item) return refuse(exchange, ProblemType::unknown_item, "the sale has no such item");
    lines.push_back({item->item_no, line.quantity});
    quantity += line.quantity;
  }
  // It never changes, so no order can be there that this would hide (PROTOCOL R9).
  if (quantity > sale.max_quantity_per_order) {
    return refuse(exchange, ProblemType::invalid_quantity,
                  "max_quantity_per_order: an order of this sale may have " +
                      std::to_string(sale.max_quantity_per_order) + " units in all");
  }
  if (lines.size() == 1) return lines;
  std::ranges::sort(lines, {}, &OrderLine::item_no);
  if (!order_total(lines, sale)) {
    return refuse(exchange, ProblemType::malformed_request, "the items of one order must have one currency, and a sum");
  }
  return lines;
}

/// The refusals and failures of a checkout; the other outcomes carry an order.
void reply_refusal(Exchange& exchange, PlacementOutcome outcome, const OrderId& id, const catalog::SaleSnapshot& sale) {
  std::string mark;
  if (sale.sale->rehearsal) append_rehearsal(mark);
  switch (outcome) {
    case PlacementOutcome::sold_out:
      return reply_problem(exchange, ProblemType::sold_out, "fewer units of an item are left than the order asks for",
                           {}, mark);
    case PlacementOutcome::limit_exceeded:
      return reply_problem(exchange, ProblemType::limit_exceeded,
                           "limit_per_customer: that is more of this item than one customer may hold", {}, mark);
    case PlacementOutcome::order_limit_exceeded:
      return reply_problem(exchange, ProblemType::limit_exceeded,
                           "max_orders_per_customer: one customer may place " +
                               std::to_string(sale.sale->max_orders_per_customer) +
                               " orders in this sale, ended ones included",
                           {}, mark);
    case PlacementOutcome::unpaid_pause:
      return reply_problem(exchange, ProblemType::limit_exceeded,
                           "several orders of this customer were left unpaid: the next one is taken some minutes later",
                           {}, mark);
    case PlacementOutcome::sale_not_open: {
      const auto now = sale.clock.earliest(std::chrono::steady_clock::now());
      return reply_problem(exchange, ProblemType::sale_not_open, "the sale does not sell now", {},
                           not_open_members(*sale.sale, now));
    }
    case PlacementOutcome::unknown_item:
      return reply_problem(exchange, ProblemType::unknown_item, "the sale has no such item");
    case PlacementOutcome::key_reused:
      return reply_problem(exchange, ProblemType::idempotency_key_reused,
                           "this key belongs to an order of other lines");
    case PlacementOutcome::overloaded:
      return reply_problem(exchange, ProblemType::overloaded, "too many orders are under way");
    case PlacementOutcome::outcome_unknown:
      return reply_problem(exchange, ProblemType::outcome_unknown,
                           "the order may stand: send the same key again, or ask for the order", location_of(id));
    case PlacementOutcome::unavailable:
    case PlacementOutcome::committed:
    case PlacementOutcome::taken:
    case PlacementOutcome::replayed: break;
  }
  reply_problem(exchange, ProblemType::unavailable, "the sale cannot be reached at the moment");
}

/// What has happened to the order becomes part of the request's trace, before it is answered. Afterwards the order
/// knows whether what it still goes through is told, too.
class OrderOfTrace {
 public:
  OrderOfTrace(Exchange& exchange, telemetry::OrderTrace* order) : request_(exchange.trace()), order_(order) {
    if (request_ != nullptr && order_ != nullptr) request_->order = *order_;
  }
  ~OrderOfTrace() {
    if (request_ != nullptr && order_ != nullptr) order_->is_told = request_->kept_for != telemetry::KeptFor::nothing;
  }
  OrderOfTrace(const OrderOfTrace&) = delete;
  OrderOfTrace& operator=(const OrderOfTrace&) = delete;

 private:
  telemetry::RequestTrace* request_;
  telemetry::OrderTrace* order_;
};

/// How long the order was waited for beyond `own`, which the server waits by itself, as its client wished `more`.
void note_wish(Exchange& exchange, const telemetry::OrderTrace* order, std::chrono::milliseconds own,
               std::chrono::milliseconds more) {
  auto* const trace = exchange.trace();
  if (trace == nullptr || order == nullptr || more.count() <= 0) return;
  const auto beyond = std::chrono::steady_clock::now() - order->placed_at - own;
  trace->waited = std::clamp<telemetry::TraceTime::duration>(beyond, {}, more);
}

}  // namespace

void OrderEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::post, kCheckoutRoute, [this](Exchange& exchange) { check_out(exchange); }});
  // Objectives are counted by these: of a series that begins with its first burst, Prometheus sees nothing of the
  // burst.
  for (const unsigned status : {200U, 201U, 202U, 409U, 429U, 500U, 503U}) {
    (void)process_.metrics.request_durations().add("POST", kCheckoutRoute, status);
  }
  routes.push_back({Method::get, "/v1/orders", [this](Exchange& exchange) { answer_orders(exchange); }});
  routes.push_back({Method::get, "/v1/orders/{order_id}", [this](Exchange& exchange) { answer_order(exchange); }});
  routes.push_back({Method::post, "/v1/orders/{order_id}/cancel", [this](Exchange& exchange) { cancel(exchange); }});
}

// --- check out ---

void OrderEndpoints::check_out(Exchange& exchange) {
  const auto customer = identify_customer(exchange, process_, thread_.tokens);
  if (!customer) return;
  const auto sale_id = exchange.request().path_parameters[0];
  // Before it is answered: then the request is gone.
  const auto caller = log_.caller(exchange.request(), sale_id, *customer);
  const auto sale = thread_.sales.find_in_memory(sale_id);
  if (sale) note_behaviour(exchange.request(), sale->sale->sale_no, *customer);
  if (!is_within_rate(exchange, process_, *customer)) return log_.note(caller, "rate_limited", true);
  // A sale that this instance has never seen served is being opened, perhaps by another one: it is worth a wait.
  if (sale && (sale->serving || sale->known_levels || sale->sale->let_go))
    return check_out_of(exchange, sale, std::string(*customer));
  thread_.sales.find(sale_id, [this, kept = exchange.shared_from_this(), who = std::string(*customer)](
                                  catalog::SaleLookup::Outcome outcome, const auto& found) {
    if (outcome == catalog::SaleLookup::Outcome::found) return check_out_of(*kept, found, who);
    if (outcome == catalog::SaleLookup::Outcome::unknown) {
      return reply_problem(*kept, ProblemType::unknown_sale, "there is no sale of this id");
    }
    reply_problem(*kept, ProblemType::unavailable, "the sale cannot be looked up at the moment");
  });
}

/// Whatever becomes of the checkout: the score tells of requests, and decides about none.
void OrderEndpoints::note_behaviour(const Request& request, std::int32_t sale_no, std::string_view customer_id) {
  if (thread_.behaviour == nullptr) return;
  thread_.behaviour->add(
      {sale_no, request.received_at, customer_id, request.peer_address, request.header(Header::forwarded_for)});
}

void OrderEndpoints::check_out_of(Exchange& exchange, const std::shared_ptr<const catalog::SaleSnapshot>& sale,
                                  std::string customer_id) {
  // Before the key is looked at: nothing is claimed about it, its order may exist (PROTOCOL R9).
  if (!thread_.catalog.snapshot()->flags->is_on(Feature::checkout, sale->sale->id, customer_id)) {
    return reply_switched_off(exchange, "checkouts are switched off at the moment");
  }
  const auto& request = exchange.request();
  if (!is_json(request.header(Header::content_type))) {
    return reply_problem(exchange, ProblemType::unsupported_media_type, "the body must be application/json");
  }
  const auto key = parse_idempotency_key(request.header(Header::idempotency_key));
  if (key.empty()) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "Idempotency-Key is required: 1 to 255 visible ASCII characters");
  }
  const auto body = parse_order_body(request.body);
  if (body.problem) return reply_problem(exchange, *body.problem, body.detail);
  auto lines = find_lines(exchange, body, *sale->sale);
  if (!lines) return;

  checkout::Placement placement;
  placement.lines = std::move(*lines);
  placement.sale = sale;
  placement.id = OrderId::derive(thread_.catalog.snapshot()->order_salt, sale->sale->sale_no, customer_id, key);
  placement.customer_id = std::move(customer_id);
  placement.request_id = RequestId(request.request_id);
  if (const auto* trace = exchange.trace()) placement.trace = trace->context;
  if (process_.origins.is_on()) placement.client = client_of(request, process_.trusted_proxies);
  const auto preference = parse_prefer(request.header(Header::prefer));
  placement.wait = process_.wait;
  if (preference.wait) placement.wait = std::min<std::chrono::milliseconds>(*preference.wait, process_.wait_max);
  if (preference.respond_async) placement.wait = std::chrono::milliseconds(0);

  auto answer = [this, kept = exchange.shared_from_this(), sale, id = placement.id, async = preference.respond_async,
                 more = placement.wait - process_.wait,
                 caller = log_.caller(request, sale->sale->id, placement.customer_id)](const PlacementResult& result) {
    log_.note(caller, checkout::to_string(result.outcome), checkout::is_refusal(result.outcome));
    note_wish(*kept, result.trace, process_.wait, more);
    const OrderOfTrace noted(*kept, result.trace);
    switch (result.outcome) {
      case PlacementOutcome::committed: return show(*kept, 201, result.order, location_of(id));
      case PlacementOutcome::taken: {
        auto headers = location_of(id);
        append_look_again(headers);
        if (async) append_header(headers, "Preference-Applied", "respond-async");
        return show(*kept, 202, result.order, headers);
      }
      case PlacementOutcome::replayed: {
        auto headers = location_of(id);
        append_header(headers, "Idempotency-Replayed", "true");
        return show(*kept, 200, result.order, headers);
      }
      default: return reply_refusal(*kept, result.outcome, id, *sale);
    }
  };
  thread_.checkout.place(std::move(placement), std::move(answer));
}

void OrderEndpoints::show(Exchange& exchange, unsigned status, const Order& order, std::string headers) {
  reply_order(exchange, thread_, order, {status, std::move(headers), OrderAudience::buyer});
}

// --- read ---

void OrderEndpoints::answer_order(Exchange& exchange) {
  const auto customer = identify_customer(exchange, process_, thread_.tokens);
  if (!customer || !is_within_rate(exchange, process_, *customer)) return;
  const auto id = OrderId::parse(exchange.request().path_parameters[0]);
  if (!id) return reply_problem(exchange, ProblemType::unknown_order, "there is no such order");
  with_named_sale(exchange, thread_, *id, *customer,
                  [this, id = *id, customer = std::string(*customer)](Exchange& known) {
                    if (auto call = begin_call(known, process_, customer))
                      look_up(known, {id, customer, std::move(call)});
                  });
}

void OrderEndpoints::look_up(Exchange& exchange, Poll poll) {
  const auto id = poll.id;
  auto kept = exchange.shared_from_this();
  auto answered = [this, kept, poll = std::move(poll)](Result<std::optional<Order>> found) {
    boost::asio::post(thread_.context, [this, kept, poll, found = std::move(found)] {
      const bool is_theirs = found && *found && (*found)->customer_id == poll.customer_id;
      // The key of a refused order may have been used for another try since.
      if (is_theirs && (*found)->status != OrderStatus::rejected) return show(*kept, 200, **found, {});
      // Another's takes the way of an unknown one: a quicker answer would tell that there is such an order.
      find_pending(*kept, poll, found.has_value());
    });
  };
  if (!process_.lookup.find(id, std::move(answered))) {
    reply_problem(exchange, ProblemType::overloaded, "too many orders are being looked up");
  }
}

/// PostgreSQL does not have the order, or cannot say: Redis knows what waits to be written.
void OrderEndpoints::find_pending(Exchange& exchange, const Poll& poll, bool postgres_knows_not) {
  thread_.checkout.find_pending(
      poll.id, postgres_knows_not,
      [this, kept = exchange.shared_from_this(), poll, postgres_knows_not](const Result<std::optional<Order>>& found) {
        const bool mine = found && *found && (*found)->customer_id == poll.customer_id;
        if (mine) {
          std::string headers;
          if ((*found)->status == OrderStatus::pending) append_look_again(headers);
          return show(*kept, 200, **found, headers);
        }
        if (!found || !postgres_knows_not) {
          return reply_problem(*kept, ProblemType::unavailable, "the order cannot be looked up at the moment");
        }
        reply_problem(*kept, ProblemType::unknown_order, "there is no such order");
      });
}

void OrderEndpoints::answer_orders(Exchange& exchange) {
  const auto customer = identify_customer(exchange, process_, thread_.tokens);
  if (!customer || !is_within_rate(exchange, process_, *customer)) return;
  with_queried_sale(exchange, thread_, list_parameters(exchange),
                    [this, who = std::string(*customer)](Exchange& known) { list_orders(known, who); });
}

void OrderEndpoints::list_orders(Exchange& exchange, const std::string& customer) {
  const auto query = list_parameters(exchange);
  const auto list = plan_order_list(exchange, query, *thread_.catalog.snapshot(), customer, OrderAudience::buyer);
  if (!list) return;
  const auto call = begin_call(exchange, process_, customer);
  if (!call) return;
  run_operation<Result<std::vector<Order>>>(
      exchange, process_.buyers,
      [list = *list, call](workers::Stores& stores) { return read_order_page(stores, list); },
      [this, list = *list](Exchange& answered, const Result<std::vector<Order>>& orders) {
        reply_order_list(answered, thread_, orders, list, OrderAudience::buyer);
      });
}

// --- cancel ---

void OrderEndpoints::cancel(Exchange& exchange) {
  const auto customer = identify_customer(exchange, process_, thread_.tokens);
  if (!customer || !is_within_rate(exchange, process_, *customer) || !has_empty_body(exchange)) return;
  const auto id = OrderId::parse(exchange.request().path_parameters[0]);
  if (!id) return reply_problem(exchange, ProblemType::unknown_order, "there is no such order");
  with_named_sale(
      exchange, thread_, *id, *customer, [this, id = *id, customer = std::string(*customer)](Exchange& known) {
        auto call = begin_call(known, process_, customer);
        if (!call) return;
        cancel_order(known, process_, thread_,
                     {id, customer, "cancelled by the customer", {}, OrderAudience::buyer, std::move(call)});
      });
}

}  // namespace flashsale::api
