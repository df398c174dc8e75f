#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/route.hpp"

/// Pages for people. Their files stand in src/pages, one folder a page and the icon of all, and are embedded at build:
/// "embedded/flashsale_api_pages.hpp" has `shop.css` as pages::shop_css. A page is a document, a style sheet and a
/// script of its own, all from here; what is written into a document itself (`<script>`, `style="…"`) does not run.
namespace flashsale::api {

enum class PagePart : std::uint8_t { document, style, script, icon };

/// Answers with a file, or with 304 who has it, under headers that let the browser load and run only what comes from
/// this server, send nothing elsewhere, and show it in nobody's frame. `headers` as in Reply, beside those.
void reply_page(Exchange& exchange, PagePart part, std::string_view text, std::string_view etag,
                std::string_view headers = {});

/// Whether who asks is a person's browser: it names text/html, and takes a problem document no more gladly.
[[nodiscard]] bool prefers_page(std::string_view accept);

/// A page in place of a problem document of that status, under the same headers. Nobody keeps it.
void reply_error_page(Exchange& exchange, unsigned status, std::string_view text, std::string_view headers = {});

/// A file that is the same for everybody. `text` lives as long as the routes.
void add_page_file(Routes& routes, std::string_view pattern, PagePart part, std::string_view text);

/// Leads whoever asks for `/` to a listener's page, with what the address asks of it.
void add_way_to_page(Routes& routes, std::string_view page);

}  // namespace flashsale::api
