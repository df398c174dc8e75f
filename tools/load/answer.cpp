#include "answer.hpp"

#include <algorithm>

namespace flashsale::load {
namespace {

/// The value of the first string member of this name. The server writes compact JSON in which the members looked for
/// come before any text of a buyer's or merchant's, so a scan finds what a parser would.
std::string_view string_member(std::string_view json, std::string_view quoted_name) {
  const std::size_t at = json.find(quoted_name);
  if (at == std::string_view::npos) return {};
  std::string_view rest = json.substr(at + quoted_name.size());
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == ':')) rest.remove_prefix(1);
  if (rest.empty() || rest.front() != '"') return {};
  rest.remove_prefix(1);
  const std::size_t end = rest.find('"');
  return end == std::string_view::npos ? std::string_view{} : rest.substr(0, end);
}

std::string_view problem_name(std::string_view body) {
  constexpr std::string_view kPath = "/problems/";
  const std::string_view type = string_member(body, "\"type\"");
  return type.starts_with(kPath) ? type.substr(kPath.size()) : std::string_view{};
}

Outcome outcome_of_503(std::string_view body) {
  const std::string_view name = problem_name(body);
  if (name == "overloaded") return Outcome::overloaded;
  if (name == "unavailable") return Outcome::unavailable;
  return name == "outcome-unknown" ? Outcome::outcome_unknown : Outcome::server_error;
}

Outcome outcome_of_success(Kind kind, unsigned status) {
  if (!is_checkout(kind)) return status == 200 || status == 304 ? Outcome::done : Outcome::protocol_error;
  switch (status) {
    case 200: return Outcome::replayed;
    case 201: return Outcome::created;
    case 202: return Outcome::accepted;
    default: return Outcome::protocol_error;
  }
}

std::optional<PaymentOutcome> parse_payment_outcome(std::string_view name) {
  for (std::size_t i = 0; i < kPaymentOutcomes; ++i) {
    if (name == to_string(static_cast<PaymentOutcome>(i))) return static_cast<PaymentOutcome>(i);
  }
  return std::nullopt;
}

void read_payment(Answer& answer, std::string_view body) {
  answer.payment_outcome = parse_payment_outcome(string_member(body, "\"outcome\""));
  answer.is_repeated = body.find("\"repeated\":true") != std::string_view::npos;
  if (!answer.payment_outcome) answer.outcome = Outcome::protocol_error;
}

}  // namespace

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, kKinds> kNames{"fresh",  "retry", "duplicate", "greedy", "reader",
                                                        "cancel", "pay",   "resolve",   "poll"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_string(Outcome outcome) {
  constexpr std::array<std::string_view, kOutcomes> kNames{
      "created",         "accepted",       "replayed",        "done",         "refused",
      "overloaded",      "unavailable",    "outcome_unknown", "server_error", "timed_out",
      "connection_lost", "connect_failed", "protocol_error",  "not_sent"};
  return kNames[static_cast<std::size_t>(outcome)];
}

Reason reason_of(std::string_view name) {
  const auto found = std::find(kReasons.begin(), kReasons.end(), name);
  return found == kReasons.end() ? Reason{0} : static_cast<Reason>(found - kReasons.begin());
}

Answer read_answer(Kind kind, const Response& response) {
  Answer answer;
  answer.status = response.status;
  if (response.status == 503) {
    answer.outcome = outcome_of_503(response.body);
  } else if (response.status >= 500) {
    answer.outcome = Outcome::server_error;
  } else if (response.status >= 400) {
    answer.outcome = Outcome::refused;
    answer.reason = reason_of(problem_name(response.body));
  } else {
    answer.outcome = outcome_of_success(kind, response.status);
    if (kind == Kind::reader) return answer;
    if (kind == Kind::pay) {
      read_payment(answer, response.body);
      return answer;
    }
    answer.order_id = OrderId::parse(string_member(response.body, "\"id\""));
    answer.order_status = parse_order_status(string_member(response.body, "\"status\""));
  }
  return answer;
}

}  // namespace flashsale::load
