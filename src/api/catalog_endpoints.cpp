#include "catalog_endpoints.hpp"

#include <algorithm>

#include "documents.hpp"
#include "entity_tag.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {
namespace {

/// Whatever `limit` says: a page is for strangers, who are not counted.
constexpr std::size_t kPageSalesMax = 100;
/// A page of sales with many items ends sooner.
constexpr std::size_t kPageBytesMax = 256 * 1024;

void reply_document(Exchange& exchange, std::string_view body, std::string_view etag) {
  reply_cached(exchange, {"application/json", body, etag, 1});
}

}  // namespace

void CatalogEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::get, "/v1/sales", [this](Exchange& exchange) { answer_list(exchange); }});
  routes.push_back({Method::get, "/v1/sales/{sale_id}", [this](Exchange& exchange) { answer_sale(exchange); }});
}

bool CatalogEndpoints::is_current(const Document& document) const {
  return document.snapshot_no == thread_.catalog.snapshot()->number && !document.body.empty();
}

void CatalogEndpoints::answer_sale(Exchange& exchange) {
  const auto reply = [this](Exchange& to, const catalog::SaleSnapshot& sale) {
    const auto& document = sale_document(sale, std::chrono::steady_clock::now());
    reply_document(to, document.body, document.etag);
  };
  const auto sale_id = exchange.request().path_parameters[0];
  if (const auto sale = thread_.sales.find_in_memory(sale_id)) return reply(exchange, *sale);
  thread_.sales.find(
      sale_id, [reply, kept = exchange.shared_from_this()](catalog::SaleLookup::Outcome outcome, const auto& sale) {
        if (outcome == catalog::SaleLookup::Outcome::found) return reply(*kept, *sale);
        if (outcome == catalog::SaleLookup::Outcome::unknown) {
          return reply_problem(*kept, ProblemType::unknown_sale, "there is no sale of this id");
        }
        reply_problem(*kept, ProblemType::unavailable, "the sale cannot be looked up at the moment");
      });
}

const CatalogEndpoints::Document& CatalogEndpoints::sale_document(const catalog::SaleSnapshot& sale,
                                                                  catalog::SteadyTime now) {
  const auto& snapshot = *thread_.catalog.snapshot();
  // Sales go (archived ones, another PostgreSQL): what was written of them shall not stay for ever.
  if (sales_.size() > 2 * snapshot.sales.size() + 16) sales_.clear();
  auto& document = sales_[sale.sale->id];
  if (is_current(document)) return document;
  document.snapshot_no = snapshot.number;
  document.body.clear();
  // The document is the same for everybody, so no customer is meant.
  const bool shows_counts = snapshot.flags->is_on(Feature::live_stock, sale.sale->id, {});
  append_public_sale(document.body, sale, now, shows_counts ? ShownStock::counts : ShownStock::availability);
  document.etag = entity_tag(document.body);
  return document;
}

void CatalogEndpoints::answer_list(Exchange& exchange) {
  const auto& snapshot = *thread_.catalog.snapshot();
  if (snapshot.directory_version < 0) {
    return reply_problem(exchange, ProblemType::unavailable, "the catalog is being loaded");
  }
  const QueryParameters parameters(exchange.request().query, {"limit", "cursor"});
  const auto limit = page_limit(parameters);
  const auto after = page_cursor(parameters, 0);
  if (!parameters.ok() || !limit || !after) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "limit must be 1 to 1000, cursor one that was given");
  }
  const bool is_number = *after <= std::numeric_limits<std::int32_t>::max();
  const auto place = is_number ? snapshot.place_of(static_cast<std::int32_t>(*after)) : std::nullopt;
  if (*after != 0 && !place) {
    return reply_problem(exchange, ProblemType::malformed_request, "cursor must be one that was given");
  }
  const auto& document = page({place ? *place + 1 : 0, std::min(static_cast<std::size_t>(*limit), kPageSalesMax)});
  reply_document(exchange, document.body, document.etag);
}

const CatalogEndpoints::Document& CatalogEndpoints::page(const PageKey& key) {
  for (const auto& known : pages_) {
    if (known.key == key && is_current(known.document)) return known.document;
  }
  auto& oldest = pages_[next_page_++ % pages_.size()];
  oldest.key = key;
  write_page(oldest.document, key);
  return oldest.document;
}

/// Its tag is made of its sales' tags: equal pages have equal ones, and the page is not read again for it.
void CatalogEndpoints::write_page(Document& document, const PageKey& key) {
  const auto& snapshot = *thread_.catalog.snapshot();
  const auto now = std::chrono::steady_clock::now();
  document.snapshot_no = snapshot.number;
  document.body = "{\"sales\":[";
  std::string tags;
  const auto next_public = [&snapshot](std::size_t from) {
    while (from < snapshot.sales.size() && snapshot.sales[from]->sale->is_draft) ++from;
    return from;
  };
  std::size_t count = 0;
  std::int32_t last = 0;
  auto place = next_public(key.first);
  for (; place < snapshot.sales.size() && count < key.limit && document.body.size() < kPageBytesMax; ++count) {
    const auto& sale = sale_document(*snapshot.sales[place], now);
    if (count > 0) document.body += ',';
    document.body += sale.body;
    tags += sale.etag;
    last = snapshot.sales[place]->sale->sale_no;
    place = next_public(place + 1);
  }
  document.body += ']';
  if (place < snapshot.sales.size() && count > 0) {
    const auto next = ",\"next_cursor\":\"" + std::to_string(last) + '"';
    document.body += next;
    tags += next;
  }
  document.body += '}';
  document.etag = entity_tag(tags);
}

}  // namespace flashsale::api
