#include "flashsale/app/token_command.hpp"

#include <ostream>

#include "flashsale/model/identifier.hpp"

namespace flashsale::app {

identity::TokenOptions token_options(const Settings& settings) {
  const Settings::Jwt& jwt = settings.jwt;
  return {.secret = jwt.secret,
          .public_key_pem = jwt.public_key_pem,
          .public_key_algorithm = jwt.public_key_algorithm,
          .jwks_json = jwt.jwks_json,
          .issuer = jwt.issuer,
          .audience = jwt.audience,
          .leeway = std::chrono::seconds(jwt.leeway_s),
          .lifetime_max = std::chrono::seconds(jwt.lifetime_max_s)};
}

std::vector<std::string> token_warnings(const Settings& settings) {
  if (settings.auth.mode == "gateway") return {};
  auto warnings = identity::TokenVerifier(token_options(settings)).ignored_keys();
  for (auto& key : warnings) key.insert(0, "jwt.jwks_file: ignored ");
  if (settings.jwt.issuer.empty()) {
    warnings.emplace_back("jwt.issuer is not set: tokens are accepted whoever has issued them, if the key is right");
  }
  if (settings.jwt.audience.empty()) {
    warnings.emplace_back("jwt.audience is not set: tokens are accepted whatever service they were issued for");
  }
  if (settings.jwt.lifetime_max_s == 0) {
    warnings.emplace_back("jwt.lifetime_max_s is 0: tokens are accepted that never expire");
  }
  return warnings;
}

int run_token(const Settings& settings, std::string_view customer_id, std::chrono::seconds lifetime,
              std::ostream& output, std::ostream& error) {
  try {
    require_settings_for(settings, Purpose::token);
  } catch (const SettingsError& missing) {
    error << missing.what() << '\n';
    return 2;
  }
  if (!is_valid_customer_id(customer_id)) {
    error << "a customer id has 1..255 characters of UTF-8, no control characters\n";
    return 2;
  }
  output << identity::make_token(token_options(settings), customer_id, std::chrono::system_clock::now(), lifetime)
         << '\n';
  return 0;
}

}  // namespace flashsale::app
