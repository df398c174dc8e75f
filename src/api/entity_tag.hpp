#pragma once
#include <string>
#include <string_view>

#include "flashsale/api/exchange.hpp"

namespace flashsale::api {

/// Of a body, or of what determines one: equal on every instance.
[[nodiscard]] std::string entity_tag(std::string_view body);

/// A body that everybody may keep for a while: 304 to those who have it already.
struct CachedReply {
  std::string_view content_type;
  std::string_view body;
  std::string_view etag;
  unsigned max_age_s = 1;         ///< 0: it is asked for each time
  std::string_view headers = {};  ///< further fields, each `Name: value\r\n`
};
void reply_cached(Exchange& exchange, const CachedReply& reply);

}  // namespace flashsale::api
