#include "event_sinks_document.hpp"

#include <algorithm>
#include <cstdint>

#include "flashsale/model/json_members.hpp"

namespace flashsale::api {
namespace {

/// `lag`: as far as it is active.
void append_sink(std::string& out, const postgres::EventSink& sink, const postgres::SinkLag& lag) {
  out += '{';
  append_text(out, "name", sink.name);
  append_text(out, "kind", sink.kind);
  append_member(out, "active");
  out += sink.is_active ? "true" : "false";
  append_number(out, "position", sink.position);
  append_number(out, "lag", lag.events);
  append_number(out, "oldest_age_s", static_cast<std::int64_t>(lag.oldest_age_s));
  if (!sink.last_error.empty()) append_text(out, "last_error", sink.last_error);
  if (sink.failing_since) append_time(out, "failing_since", *sink.failing_since);
  out += '}';
}

}  // namespace

std::string event_sinks_document(const postgres::EventLine& line, const std::vector<postgres::EventSink>& sinks,
                                 const std::vector<postgres::SinkLag>& lags) {
  std::string out = "{";
  append_number(out, "last_position", line.last_position);
  append_number(out, "gone_until", line.gone_until);
  append_member(out, "sinks");
  out += '[';
  for (const auto& sink : sinks) {
    if (out.back() != '[') out += ',';
    const auto lag = std::ranges::find(lags, sink.name, &postgres::SinkLag::name);
    const auto behind = std::max(std::int64_t{0}, line.last_position - sink.position);
    append_sink(out, sink, lag == lags.end() ? postgres::SinkLag{sink.name, behind, 0} : *lag);
  }
  return out + "]}";
}

}  // namespace flashsale::api
