#include "catalog_endpoints.hpp"

#include <charconv>

#include "documents.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {
namespace {

/// Queries of the list that are kept written; a stranger's variations empty the store rather than fill the memory.
constexpr std::size_t kListsMax = 8;

/// FNV-1a: cheap, and equal bodies have equal tags on every instance.
std::string entity_tag(std::string_view body) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : body) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, hash, 16).ptr;
  return '"' + std::string(digits, end) + '"';
}

/// RFC 9110 13.1.2: `*`, or any of a list, weak or not.
bool matches(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

void CatalogEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::get, "/v1/sales", [this](Exchange& exchange) { answer_list(exchange); }});
  routes.push_back({Method::get, "/v1/sales/{sale_id}", [this](Exchange& exchange) { answer_sale(exchange); }});
}

bool CatalogEndpoints::is_current(const Document& document) const {
  return document.snapshot_no == thread_.catalog.snapshot()->number && !document.body.empty();
}

void CatalogEndpoints::reply_document(Exchange& exchange, Document& document) {
  if (document.etag.empty()) document.etag = entity_tag(document.body);
  std::string headers;
  append_header(headers, "ETag", document.etag);
  append_header(headers, "Cache-Control", "public, max-age=1");
  if (matches(exchange.request().header(Header::if_none_match), document.etag)) {
    return exchange.reply({304, {}, {}, headers});
  }
  exchange.reply({200, "application/json", document.body, headers});
}

void CatalogEndpoints::answer_sale(Exchange& exchange) {
  const auto sale_id = exchange.request().path_parameters[0];
  if (const auto sale = thread_.sales.find_in_memory(sale_id)) return reply_sale(exchange, *sale);
  thread_.sales.find(
      sale_id, [this, kept = exchange.shared_from_this()](catalog::SaleLookup::Outcome outcome, const auto& sale) {
        if (outcome == catalog::SaleLookup::Outcome::found) return reply_sale(*kept, *sale);
        if (outcome == catalog::SaleLookup::Outcome::unknown) {
          return reply_problem(*kept, ProblemType::unknown_sale, "there is no sale of this id");
        }
        reply_retry_later(*kept, ProblemType::unavailable, "the sale cannot be looked up at the moment", 1);
      });
}

void CatalogEndpoints::reply_sale(Exchange& exchange, const catalog::SaleSnapshot& sale) {
  auto& document = sales_[sale.sale->id];
  if (!is_current(document)) {
    document = {thread_.catalog.snapshot()->number, {}, {}};
    write_sale(document.body, sale, std::chrono::steady_clock::now());
  }
  reply_document(exchange, document);
}

void CatalogEndpoints::write_sale(std::string& body, const catalog::SaleSnapshot& sale, catalog::SteadyTime now) const {
  // The document is the same for everybody, so no customer is meant.
  const bool shows_counts = thread_.catalog.snapshot()->flags->is_on(Feature::live_stock, sale.sale->id, {});
  append_public_sale(body, sale, now, shows_counts ? ShownStock::counts : ShownStock::availability);
}

void CatalogEndpoints::answer_list(Exchange& exchange) {
  const auto& snapshot = thread_.catalog.snapshot();
  if (snapshot->directory_version < 0) {
    return reply_retry_later(exchange, ProblemType::unavailable, "the catalog is being loaded", 1);
  }
  const std::string query(exchange.request().query);
  if (const auto found = lists_.find(query); found != lists_.end() && is_current(found->second)) {
    return reply_document(exchange, found->second);
  }
  const QueryParameters parameters(query);
  const auto limit = page_limit(parameters);
  std::int32_t after = 0;
  const auto cursor = parameters.find("cursor").value_or("0");
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), after);
  const bool cursor_ok = error == std::errc{} && end == cursor.data() + cursor.size();
  if (!parameters.ok() || !parameters.only({"limit", "cursor"}) || !limit || !cursor_ok) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "limit must be 1 to 1000, cursor one that was given");
  }

  if (lists_.size() >= kListsMax) lists_.clear();
  auto& document = lists_[query];
  document = {snapshot->number, "{\"sales\":[", {}};
  const auto now = std::chrono::steady_clock::now();
  std::int32_t count = 0;
  std::int32_t last = 0;
  bool more = false;
  for (const auto& sale : snapshot->sales) {
    if (sale->sale->sale_no <= after) continue;
    more = count == *limit;
    if (more) break;
    if (count++ > 0) document.body += ',';
    write_sale(document.body, *sale, now);
    last = sale->sale->sale_no;
  }
  document.body += ']';
  if (more) document.body += ",\"next_cursor\":\"" + std::to_string(last) + '"';
  document.body += '}';
  reply_document(exchange, document);
}

}  // namespace flashsale::api
