#include "page_file.hpp"

#include "entity_tag.hpp"

namespace flashsale::api {
namespace {

std::string_view content_type(PagePart part) {
  switch (part) {
    case PagePart::document: return "text/html; charset=utf-8";
    case PagePart::style: return "text/css; charset=utf-8";
    case PagePart::script: break;
  }
  return "text/javascript; charset=utf-8";
}

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
  // Asked for each time: a document and the script that belongs to it come from one version.
  reply_cached(exchange, {content_type(part), text, etag, 0, std::string(kPageHeaders).append(headers)});
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
