#include "page_file.hpp"

#include <algorithm>

#include "entity_tag.hpp"
#include "weighted_list.hpp"

namespace flashsale::api {
namespace {

std::string_view content_type(PagePart part) {
  switch (part) {
    case PagePart::document: return "text/html; charset=utf-8";
    case PagePart::style: return "text/css; charset=utf-8";
    case PagePart::script: return "text/javascript; charset=utf-8";
    case PagePart::icon: break;
  }
  return "image/svg+xml";
}

/// A document and the script that belongs to it have to come from one version, so they are asked for each time.
unsigned max_age_s(PagePart part) { return part == PagePart::icon ? 86'400 : 0; }

/// The browser itself sends no forms: a page whose script has not run must not put what was typed into an address.
constexpr std::string_view kPageHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

}  // namespace

void reply_page(Exchange& exchange, PagePart part, std::string_view text, std::string_view etag,
                std::string_view headers) {
  reply_cached(exchange, {content_type(part), text, etag, max_age_s(part), std::string(kPageHeaders).append(headers)});
}

bool prefers_page(std::string_view accept) {
  double page = 0;
  double problem = 0;
  for (const auto& wanted : parse_weighted_list(accept)) {
    if (wanted.value == "text/html") page = std::max(page, wanted.weight);
    if (wanted.value == "application/problem+json" || wanted.value == "application/json") {
      problem = std::max(problem, wanted.weight);
    }
  }
  return page > 0 && page >= problem;
}

void reply_error_page(Exchange& exchange, unsigned status, std::string_view text, std::string_view headers) {
  std::string all(kPageHeaders);
  append_header(all, "Cache-Control", "no-store");
  all += headers;
  exchange.reply({status, content_type(PagePart::document), text, all});
}

void add_page_file(Routes& routes, std::string_view pattern, PagePart part, std::string_view text) {
  routes.push_back({Method::get, pattern, [part, text, etag = entity_tag(text)](Exchange& exchange) {
                      reply_page(exchange, part, text, etag);
                    }});
}

void add_way_to_page(Routes& routes, std::string_view page) {
  routes.push_back({Method::get, "/", [page](Exchange& exchange) {
                      const auto query = exchange.request().query;
                      std::string headers;
                      append_header(headers, "Location",
                                    std::string(page).append(query.empty() ? "" : "?").append(query));
                      exchange.reply({303, "text/plain", {}, headers});
                    }});
}

}  // namespace flashsale::api
