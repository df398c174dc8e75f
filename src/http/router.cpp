#include "router.hpp"

#include <algorithm>

#include "flashsale/model/check.hpp"
#include "grammar.hpp"

namespace flashsale::http {
namespace {

constexpr std::size_t index_of(api::Method method) { return static_cast<std::size_t>(method); }

}  // namespace

Router::Router(const api::Routes& routes) {
  for (const api::Route& route : routes) {
    FLASHSALE_CHECK(route.method != api::Method::other && route.handler);
    auto at =
        std::find_if(patterns_.begin(), patterns_.end(), [&](const Pattern& p) { return p.text == route.pattern; });
    if (at == patterns_.end()) {
      at = patterns_.insert(at, parse(route.pattern));
      // The same shape under another parameter name would never be reached.
      FLASHSALE_CHECK(std::none_of(patterns_.begin(), at, [&](const Pattern& p) {
        return p.parameter_mask == at->parameter_mask && p.segments == at->segments;
      }));
    }
    FLASHSALE_CHECK(at->handlers[index_of(route.method)] == nullptr);
    at->handlers[index_of(route.method)] = &route.handler;
    endpoints_.emplace_back(route.method, route.pattern);
  }
  for (Pattern& pattern : patterns_) {
    auto& head = pattern.handlers[index_of(api::Method::head)];
    if (head == nullptr) head = pattern.handlers[index_of(api::Method::get)];
    pattern.allow = allowed_methods(pattern);
  }
  std::stable_sort(patterns_.begin(), patterns_.end(),
                   [](const Pattern& a, const Pattern& b) { return a.parameter_mask < b.parameter_mask; });
}

/// Returns the number of segments, 0 when there are more than any pattern has.
std::uint32_t Router::split(std::string_view path, Segments& segments) {
  if (!path.starts_with('/')) return 0;
  std::uint32_t count = 0;
  for (std::size_t begin = 1;;) {
    if (count == kSegmentsMax) return 0;
    const std::size_t end = std::min(path.find('/', begin), path.size());
    segments[count++] = path.substr(begin, end - begin);
    if (end == path.size()) return count;
    begin = end + 1;
  }
}

Router::Pattern Router::parse(std::string_view text) {
  Pattern pattern;
  pattern.text = text;
  pattern.segment_count = split(text, pattern.segments);
  FLASHSALE_CHECK(pattern.segment_count != 0);
  std::size_t parameters = 0;
  for (std::uint32_t i = 0; i < pattern.segment_count; ++i) {
    std::string_view& segment = pattern.segments[i];
    if (segment.starts_with('{')) {
      FLASHSALE_CHECK(segment.ends_with('}') && segment.size() > 2 && ++parameters <= 2);
      pattern.parameter_mask |= 1U << (31 - i);
      segment = {};
    } else {
      FLASHSALE_CHECK(segment.find_first_of("{}%?#") == std::string_view::npos);
    }
  }
  return pattern;
}

std::string Router::allowed_methods(const Pattern& pattern) {
  std::string allow;
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    const auto method = static_cast<api::Method>(i);
    if (pattern.handlers[i] == nullptr && method != api::Method::options) continue;
    if (!allow.empty()) allow += ", ";
    allow += to_string(method);
  }
  return allow;
}

bool Router::fits(const Pattern& pattern, const Segments& segments, Match& match) {
  std::uint32_t parameters = 0;
  for (std::uint32_t i = 0; i < pattern.segment_count; ++i) {
    if ((pattern.parameter_mask & (1U << (31 - i))) != 0) {
      if (segments[i].empty()) return false;
      match.parameters[parameters++] = segments[i];
    } else if (segments[i] != pattern.segments[i]) {
      return false;
    }
  }
  match.parameter_count = parameters;
  return true;
}

Router::Match Router::match(api::Method method, std::string_view path) const {
  Match match;
  Segments segments;
  const std::uint32_t count = split(path, segments);
  for (std::uint32_t i = 0; count != 0 && i < patterns_.size(); ++i) {
    const Pattern& pattern = patterns_[i];
    if (pattern.segment_count != count || !fits(pattern, segments, match)) continue;
    match.pattern = i;
    match.handler = method == api::Method::other ? nullptr : pattern.handlers[index_of(method)];
    match.outcome = match.handler != nullptr ? Outcome::found : Outcome::no_method;
    return match;
  }
  match.parameter_count = 0;
  return match;
}

std::string_view to_string(api::Method method) {
  switch (method) {
    case api::Method::get: return "GET";
    case api::Method::head: return "HEAD";
    case api::Method::post: return "POST";
    case api::Method::put: return "PUT";
    case api::Method::patch: return "PATCH";
    case api::Method::delete_: return "DELETE";
    case api::Method::options: return "OPTIONS";
    case api::Method::other: break;
  }
  return "OTHER";
}

bool percent_decode(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    const int value = high * 16 + low;
    if (high < 0 || low < 0 || value < 0x20 || value == 0x7f) return false;
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

}  // namespace flashsale::http
