#pragma once
#include <optional>
#include <string_view>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/parts.hpp"

namespace flashsale::api {

/// Who is asking: the customer of the bearer token, or of X-Customer-Id from a trusted gateway. Answers 401 itself and
/// gives nothing otherwise. The view lives until the next call on this thread.
[[nodiscard]] std::optional<std::string_view> identify_customer(Exchange& exchange, const ProcessParts& process,
                                                                identity::TokenVerifier& tokens);

/// For a call that has to wait for a store: keep it until it is answered. Null: the customer has as many under way as
/// may be, which has been answered.
[[nodiscard]] identity::CustomerCalls::Call begin_call(Exchange& exchange, const ProcessParts& process,
                                                       std::string_view customer_id);

/// Answers 429 itself and gives false when the customer asks too often.
[[nodiscard]] bool is_within_rate(Exchange& exchange, const ProcessParts& process, std::string_view customer_id);

/// The admin, who has this role or a higher one; answers 401 or 403 itself otherwise. The name lives until the end of
/// this call on the thread: tokens may be replaced after it.
[[nodiscard]] std::optional<identity::AdminTokens::Admin> find_admin(Exchange& exchange, const ProcessParts& process,
                                                                     identity::AdminRole needed);
/// The admin's name, for calls that are over with their answer.
[[nodiscard]] std::optional<std::string_view> identify_admin(Exchange& exchange, const ProcessParts& process,
                                                             identity::AdminRole needed);

}  // namespace flashsale::api
