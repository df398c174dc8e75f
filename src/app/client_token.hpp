#pragma once
#include <string>

namespace flashsale::app {

/// The token with which a client calls the admin API, as its environment says: FLASHSALE_ADMIN_TOKEN, or what stands in
/// the file that FLASHSALE_ADMIN_TOKEN_FILE names, read anew with each call. Throws SettingsError if there is none.
[[nodiscard]] std::string read_client_token();

}  // namespace flashsale::app
