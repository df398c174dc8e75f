#include "entity_tag.hpp"

#include <charconv>
#include <cstdint>

namespace flashsale::api {
namespace {

/// RFC 9110 13.1.2: `*`, or any of a list, weak or not.
bool matches(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

/// FNV-1a: cheap, and it need not withstand anybody.
std::string entity_tag(std::string_view body) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : body) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, hash, 16).ptr;
  return '"' + std::string(digits, end) + '"';
}

void reply_cached(Exchange& exchange, const CachedReply& reply) {
  std::string headers;
  append_header(headers, "ETag", reply.etag);
  append_header(headers, "Cache-Control",
                reply.max_age_s == 0 ? "no-cache" : "public, max-age=" + std::to_string(reply.max_age_s));
  headers += reply.headers;
  if (matches(exchange.request().header(Header::if_none_match), reply.etag)) {
    return exchange.reply({304, {}, {}, headers});
  }
  exchange.reply({200, reply.content_type, reply.body, headers});
}

}  // namespace flashsale::api
