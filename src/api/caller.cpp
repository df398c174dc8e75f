#include "caller.hpp"

#include <memory>
#include <string>

#include "watcher.hpp"

namespace flashsale::api {
namespace {

/// The credentials behind `Bearer `; empty when there are none.
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return {};
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = authorization[i];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower != scheme[i]) return {};
  }
  auto token = authorization.substr(scheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

void refuse(Exchange& exchange, std::string_view detail, bool token_was_sent) {
  std::string headers;
  // RFC 6750: an error code only when a token was sent at all.
  append_header(headers, "WWW-Authenticate", token_was_sent ? "Bearer error=\"invalid_token\"" : "Bearer");
  reply_problem(exchange, ProblemType::unauthorized, detail, headers);
}

std::optional<std::string_view> identify_behind_gateway(Exchange& exchange, const identity::GatewayPeers& peers,
                                                        identity::CustomerIdForm form) {
  const auto& request = exchange.request();
  const auto customer = request.header(Header::customer_id);
  if (!peers.contains(request.peer_address)) {
    reply_problem(exchange, ProblemType::unauthorized, "X-Customer-Id is believed from the gateway alone");
    return std::nullopt;
  }
  // A comma is what a proxy makes of two such fields: whose the request is, is then not known.
  const auto in_form =
      customer.find(',') == std::string_view::npos ? identity::customer_id_in_form(customer, form) : std::nullopt;
  if (!in_form) reply_problem(exchange, ProblemType::unauthorized, "X-Customer-Id is missing or malformed");
  return in_form;
}

}  // namespace

std::optional<std::string_view> identify_customer(Exchange& exchange, const ProcessParts& process,
                                                  identity::TokenVerifier& tokens) {
  if (process.gateway_peers) return identify_behind_gateway(exchange, *process.gateway_peers, process.customer_id_form);
  const auto token = bearer_token(exchange.request().header(Header::authorization));
  if (token.empty()) {
    refuse(exchange, "a bearer token is required", false);
    return std::nullopt;
  }
  const auto& request = exchange.request();
  const auto verified =
      tokens.verify(token, std::chrono::system_clock::now(),
                    {request.peer_address, request.header(Header::forwarded_for), &process.trusted_proxies});
  using Failure = identity::TokenFailure;
  auto failure = verified.failure;
  if (failure == Failure::none) {
    if (const auto in_form = identity::customer_id_in_form(verified.customer_id, process.customer_id_form)) {
      return in_form;
    }
    failure = Failure::bad_subject;
  }
  if (failure == Failure::too_many_checks) {
    reply_problem(exchange, ProblemType::overloaded, "too many tokens with wrong signatures are being sent");
    return std::nullopt;
  }
  if (failure == Failure::too_long) {
    refuse(exchange, "the token has more than " + std::to_string(identity::kTokenBytesMax) + " bytes", true);
    return std::nullopt;
  }
  refuse(exchange, std::string("the token is not accepted: ").append(to_string(failure)), true);
  return std::nullopt;
}

bool is_within_rate(Exchange& exchange, const ProcessParts& process, std::string_view customer_id) {
  if (!process.rate_limiter) return true;
  // Now, and not when the request's head came: by what was asked since then its body would be judged too late.
  const auto decision = process.rate_limiter->take(customer_id, std::chrono::steady_clock::now());
  if (decision.allowed) return true;
  const auto& options = process.rate_limiter->options();
  // draft-ietf-httpapi-ratelimit-headers: quota, window and what is left, as structured fields.
  std::string headers;
  const auto window_s = std::max(1U, options.burst / std::max(1U, options.requests_per_s));
  append_header(headers, "RateLimit-Policy",
                "\"customer\";q=" + std::to_string(options.burst) + ";w=" + std::to_string(window_s));
  append_header(headers, "RateLimit",
                "\"customer\";r=" + std::to_string(decision.remaining) + ";t=" + std::to_string(decision.reset_s));
  // A limit of one's own says exactly when it ends.
  append_header(headers, "Retry-After", std::to_string(decision.retry_after_s));
  reply_problem(exchange, ProblemType::rate_limited, "this customer asks too often", headers);
  return false;
}

identity::CustomerCalls::Call begin_call(Exchange& exchange, const ProcessParts& process,
                                         std::string_view customer_id) {
  static const identity::CustomerCalls::Call unbounded = std::make_shared<int>();
  if (!process.customer_calls) return unbounded;
  auto call = process.customer_calls->begin(customer_id);
  if (!call) {
    reply_problem(exchange, ProblemType::rate_limited, "too many calls of this customer are under way");
  }
  return call;
}

std::optional<identity::AdminTokens::Admin> find_admin(Exchange& exchange, const ProcessParts& process,
                                                       identity::AdminRole needed) {
  const auto token = bearer_token(exchange.request().header(Header::authorization));
  std::optional<identity::AdminTokens::Admin> admin;
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  if (!token.empty()) admin = process.admin_tokens.find(token, now);
  if (!admin || admin->has_expired) {
    refuse(exchange, admin ? "the token has expired" : "an admin's bearer token is required", !token.empty());
    return std::nullopt;
  }
  if (admin->role < needed) {
    const auto detail = std::string("the role of this token is ").append(to_string(admin->role));
    reply_problem(exchange, ProblemType::forbidden, detail + "; this call needs " + std::string(to_string(needed)));
    return std::nullopt;
  }
  return admin;
}

std::optional<std::string_view> identify_admin(Exchange& exchange, const ProcessParts& process,
                                               identity::AdminRole needed) {
  const auto admin = find_admin(exchange, process, needed);
  return admin ? std::optional(admin->name) : std::nullopt;
}

std::optional<Watcher> identify_watcher(Exchange& exchange, const ProcessParts& process,
                                        const identity::WatchLinks& links) {
  const auto token = bearer_token(exchange.request().header(Header::authorization));
  const auto end = links.find_end(token);
  if (!end) {
    const auto admin = find_admin(exchange, process, identity::AdminRole::read);
    return admin ? std::optional(Watcher{admin->until, to_string(admin->role)}) : std::nullopt;
  }
  if (std::chrono::system_clock::now() < *end) return Watcher{*end, kRoleOfLink};
  refuse(exchange, "the link has expired", true);
  return std::nullopt;
}

}  // namespace flashsale::api
