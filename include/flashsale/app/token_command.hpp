#pragma once
#include <chrono>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/app/settings.hpp"
#include "flashsale/identity/token_verifier.hpp"

namespace flashsale::app {

/// What a verifier of buyers' tokens needs of the settings.
[[nodiscard]] identity::TokenOptions token_options(const Settings& settings);

/// What a merchant should know of how buyers' tokens are taken: checks that are not made, keys that are left out. A
/// line each. The settings have been found good for serving.
[[nodiscard]] std::vector<std::string> token_warnings(const Settings& settings);

/// `flashsaled token`: prints a bearer token for development, signed with jwt.secret. Returns the exit status: 0, or
/// 2 with one line on `error` when there is no secret or `customer_id` is none.
[[nodiscard]] int run_token(const Settings& settings, std::string_view customer_id, std::chrono::seconds lifetime,
                            std::ostream& output, std::ostream& error);

}  // namespace flashsale::app
