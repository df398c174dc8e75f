#include "shop_endpoints.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "embedded/flashsale_api_pages.hpp"
#include "entity_tag.hpp"
#include "page_file.hpp"
#include "query_parameters.hpp"
#include "shop_text.hpp"
#include "shown_level.hpp"
#include "weighted_list.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kLanguageUnlessChosen = "en";
constexpr std::string_view kToCome = "scheduled";
constexpr std::string_view kOver = "closed";
/// Of a list, and of pages that are kept: strangers choose what is asked for.
constexpr std::size_t kListedMax = 100;
constexpr std::size_t kKeptMax = 256;

/// One document for each language: what is kept for one browser is not another's.
constexpr std::string_view kByLanguage = "Vary: Accept-Language\r\n";
/// Where a program gets a problem document and a browser a page.
constexpr std::string_view kByForm = "Vary: Accept\r\n";
constexpr std::string_view kByFormAndLanguage = "Vary: Accept, Accept-Language\r\n";

/// What `?lang` says, else what the browser wishes, if it is spoken here. The page's script goes by the same.
std::string_view language_of(const QueryParameters& query, const Request& request) {
  const auto& spoken = ShopTexts::instance().languages();
  for (const auto wish : {query.find("lang").value_or(""), request.header(Header::accept_language)}) {
    if (const auto language = wished_language(wish, spoken); !language.empty()) return language;
  }
  return kLanguageUnlessChosen;
}

std::string state_key(std::string_view state) { return std::string("state_").append(state); }

void append_item(std::string& out, const Item& item, const ShownLevel& level, bool shows_counts,
                 std::string_view language) {
  const auto& texts = ShopTexts::instance();
  const auto remaining = std::to_string(level.remaining);
  const auto amount = std::to_string(item.price.amount);
  const auto price = amount_text(item.price.amount, item.price.currency) + ' ' + item.price.currency;
  const auto digits = std::to_string(minor_digits(item.price.currency));
  const auto limit = std::to_string(item.limit_per_customer);
  append_page(out, pages::shop_item_html, language,
              {{"sku", item.sku},
               {"name", item.name},
               {"amount", amount},
               {"currency", item.price.currency},
               {"digits", digits},
               {"price", price},
               {"limit", limit},
               {"remaining", shows_counts ? std::string_view(remaining) : std::string_view{}},
               {"availability", level.availability},
               {"stock", texts.text(language, level.availability)}});
}

/// A page without a script. `title` is the key of a text.
void append_plain_page(std::string& out, std::string_view language, std::string_view title, std::string_view content) {
  append_page(
      out, pages::shop_plain_html, language,
      {{"language", language}, {"title", ShopTexts::instance().text(language, title)}, {"content", content, true}});
}

}  // namespace

void ShopEndpoints::add_routes(Routes& routes) {
  add_way_to_page(routes, "/shop");
  routes.push_back({Method::get, "/shop", [this](Exchange& exchange) { answer_list(exchange); }});
  routes.push_back({Method::get, "/shop/{sale_id}", [this](Exchange& exchange) { answer_sale(exchange); }});
  add_page_file(routes, "/shop.css", PagePart::style, pages::shop_css);
  add_page_file(routes, "/shop.js", PagePart::script, pages::shop_js);
}

/// What is sold now, the newest first; then what is to come, the next one first. Of those at one time by their names.
bool ShopEndpoints::comes_before(const ListedSale& one, const ListedSale& other) {
  const bool is_to_come = one.state == kToCome;
  if (is_to_come != (other.state == kToCome)) return !is_to_come;
  const bool is_earlier = one.sale->starts_at < other.sale->starts_at;
  if (one.sale->starts_at != other.sale->starts_at) return is_earlier == is_to_come;
  return std::tie(one.sale->name, one.sale->id) < std::tie(other.sale->name, other.sale->id);
}

const std::vector<ShopEndpoints::ListedSale>& ShopEndpoints::listed_sales() {
  const auto& snapshot = *thread_.catalog.snapshot();
  if (list_.snapshot_no == snapshot.number) return list_.sales;
  list_.snapshot_no = snapshot.number;
  list_.sales.clear();
  const auto now = std::chrono::steady_clock::now();
  for (const auto& sale : snapshot.sales) {
    if (sale->sale->is_draft || sale->sale->let_go) continue;
    const auto state = shown_state(*sale->sale, sale->clock.earliest(now));
    if (state != kOver) list_.sales.push_back({sale->sale, state});
  }
  const auto listed = std::min(list_.sales.size(), kListedMax);
  std::partial_sort(list_.sales.begin(), list_.sales.begin() + static_cast<std::ptrdiff_t>(listed), list_.sales.end(),
                    comes_before);
  list_.sales.resize(listed);
  return list_.sales;
}

/// Of one sale that is not over there is nothing to choose.
void ShopEndpoints::answer_list(Exchange& exchange) {
  const QueryParameters query(exchange.request().query, {"lang"});
  const auto language = language_of(query, exchange.request());
  const auto& sales = listed_sales();
  if (sales.size() == 1) {
    std::string headers;
    append_header(headers, "Location",
                  "/shop/" + sales[0].sale->id + (query.find("lang") ? "?lang=" + std::string(language) : ""));
    append_header(headers, "Cache-Control", "no-store");
    return exchange.reply({303, "text/plain", {}, headers});
  }
  auto& list = document(language, {});
  if (list.text.empty()) {
    std::string entries;
    for (const auto& [sale, state] : sales) {
      append_page(entries, pages::shop_list_item_html, language,
                  {{"sale_id", sale->id},
                   {"name", sale->name},
                   {"language", language},
                   {"state", ShopTexts::instance().text(language, state_key(state))}});
    }
    std::string content;
    append_page(content, sales.empty() ? pages::shop_empty_html : pages::shop_list_html, language,
                {{"sales", entries, true}});
    append_plain_page(list.text, language, "sales", content);
    list.etag = entity_tag(list.text);
  }
  reply_page(exchange, PagePart::document, list.text, list.etag, kByLanguage);
}

void ShopEndpoints::answer_sale(Exchange& exchange) {
  const auto language = language_of(QueryParameters(exchange.request().query, {"lang"}), exchange.request());
  const auto sale_id = exchange.request().path_parameters[0];
  if (const auto sale = thread_.sales.find_in_memory(sale_id)) return reply_sale(exchange, *sale, language);
  thread_.sales.find(sale_id, [this, language, kept = exchange.shared_from_this()](catalog::SaleLookup::Outcome outcome,
                                                                                   const auto& sale) {
    if (outcome == catalog::SaleLookup::Outcome::found) return reply_sale(*kept, *sale, language);
    const bool is_unknown = outcome == catalog::SaleLookup::Outcome::unknown;
    reply_no_sale(*kept, is_unknown ? ProblemType::unknown_sale : ProblemType::unavailable, language);
  });
}

/// A person is told in their language and led on; a program gets what the rest of the API answers.
void ShopEndpoints::reply_no_sale(Exchange& exchange, ProblemType problem, std::string_view language) {
  const bool is_unknown = problem == ProblemType::unknown_sale;
  if (!prefers_page(exchange.request().header(Header::accept))) {
    return reply_problem(exchange, problem,
                         is_unknown ? "there is no sale of this id" : "the sale cannot be looked up at the moment",
                         kByForm);
  }
  const auto& description = describe(problem);
  const auto text = ShopTexts::instance().text(language, is_unknown ? "no_sale_text" : "not_shown_text");
  std::string content;
  append_page(content, pages::shop_none_html, language, {{"language", language}, {"text", text}});
  std::string page;
  append_plain_page(page, language, is_unknown ? "no_sale" : "not_shown", content);
  std::string headers(kByFormAndLanguage);
  if (description.retry_after_s > 0) append_retry_after(headers, description.retry_after_s);
  reply_error_page(exchange, description.status, page, headers);
}

ShopEndpoints::Document& ShopEndpoints::document(std::string_view language, std::string_view sale_id) {
  if (documents_.size() > kKeptMax) documents_.clear();
  auto& kept = documents_[std::string(language).append("/").append(sale_id)];
  const auto snapshot_no = thread_.catalog.snapshot()->number;
  if (kept.snapshot_no != snapshot_no) kept.text.clear();
  kept.snapshot_no = snapshot_no;
  return kept;
}

void ShopEndpoints::reply_sale(Exchange& exchange, const catalog::SaleSnapshot& sale, std::string_view language) {
  auto& page = document(language, sale.sale->id);
  if (page.text.empty()) {
    write_sale(page.text, sale, language);
    page.etag = entity_tag(page.text);
  }
  reply_page(exchange, PagePart::document, page.text, page.etag, kByLanguage);
}

void ShopEndpoints::write_sale(std::string& out, const catalog::SaleSnapshot& sale, std::string_view language) const {
  const auto earliest = sale.clock.earliest(std::chrono::steady_clock::now());
  const bool shows_counts = thread_.catalog.snapshot()->flags->is_on(Feature::live_stock, sale.sale->id, {});
  std::string items;
  for (std::size_t i = 0; i < sale.sale->items.size(); ++i) {
    append_item(items, sale.sale->items[i], shown_level(sale, i, earliest), shows_counts, language);
  }
  const auto state = shown_state(*sale.sale, earliest);
  const auto starts_at = format_rfc3339(sale.sale->starts_at);
  append_page(out, pages::shop_html, language,
              {{"language", language},
               {"sale_id", sale.sale->id},
               {"name", sale.sale->name},
               {"state", state},
               {"state_text", ShopTexts::instance().text(language, state_key(state))},
               {"starts_at", starts_at},
               {"demo", options_.demo ? "true" : "false"},
               {"items", items, true},
               {"texts", ShopTexts::instance().json(), true}});
}

}  // namespace flashsale::api
