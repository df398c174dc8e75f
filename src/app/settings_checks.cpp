// What one setting alone cannot get wrong: settings that must fit together, and those that a command cannot do without.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "flashsale/app/settings.hpp"
#include "flashsale/app/token_command.hpp"
#include "flashsale/identity/admin_tokens.hpp"
#include "flashsale/identity/gateway_peers.hpp"
#include "flashsale/identity/loopback_address.hpp"
#include "flashsale/identity/webhook_verifier.hpp"
#include "settings_checks.hpp"

namespace flashsale::app {
namespace {

bool is_ip_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw SettingsError(otherwise);
}

void require_at_most(std::string_view name, std::uint32_t value, std::string_view bound_name, std::uint32_t bound) {
  require(value <= bound, std::string(name) + " = " + std::to_string(value) + " must be at most " +
                              std::string(bound_name) + " = " + std::to_string(bound));
}

void require_postgres(const Settings& settings) {
  require(!settings.postgres.url.empty(),
          "postgres.url is not set: give it as FLASHSALE_POSTGRES_URL, in the settings file, or by postgres.url_file");
}

void require_keys(const Settings& settings) {
  const Settings::Jwt& jwt = settings.jwt;
  require(!jwt.secret.empty() || !jwt.public_key_pem.empty() || !jwt.jwks_json.empty(),
          "auth.mode = \"jwt\" needs a key: set jwt.secret, jwt.secret_file, jwt.public_key_file or jwt.jwks_file");
  try {
    const identity::TokenVerifier verifier(token_options(settings));
  } catch (const std::invalid_argument& unusable) {
    throw SettingsError(std::string("[jwt]: ") + unusable.what());
  }
}

void require_gateway(const Settings& settings) {
  require(!settings.auth.gateway_peers.empty(),
          "auth.mode = \"gateway\" needs auth.gateway_peers: the networks of the gateways that are trusted");
  try {
    const identity::GatewayPeers peers(settings.auth.gateway_peers);
  } catch (const std::invalid_argument& unusable) {
    throw SettingsError(std::string("auth.gateway_peers: ") + unusable.what());
  }
}

void require_proxies(const Settings& settings) {
  try {
    const identity::GatewayPeers proxies(settings.http.trusted_proxies);
  } catch (const std::invalid_argument& unusable) {
    throw SettingsError(std::string("http.trusted_proxies: ") + unusable.what());
  }
}

void require_admin_tokens(const Settings& settings) {
  try {
    const identity::AdminTokens tokens(settings.admin.tokens);
  } catch (const std::invalid_argument& unusable) {
    throw SettingsError(std::string("admin.tokens: ") + unusable.what());
  }
}

void require_webhook_secrets(const Settings& settings) {
  try {
    const identity::WebhookVerifier verifier(settings.payments.webhook_secrets, std::chrono::seconds(0));
  } catch (const std::invalid_argument& unusable) {
    throw SettingsError(std::string("payments.webhook_secrets: ") + unusable.what());
  }
}

/// Whoever is given tokens and payments for nothing must be the one who tries this out. A shop that is open to the
/// world can have its listeners on loopback, behind a proxy; its tokens are not issued by a demo.
void check_demo(const Settings& s) {
  constexpr std::string_view kDemoIssuer = "flashsale-demo";
  if (!s.shop.demo) return;
  const std::string rule = "shop.demo gives tokens and payments away and is refused: ";
  require(s.shop.enabled, rule + "shop.enabled is false");
  require(identity::is_loopback_address(s.http.address), rule + "http.address is no loopback address");
  require(identity::is_loopback_address(s.admin.address), rule + "admin.address is no loopback address");
  require(s.auth.mode == "jwt", rule + "auth.mode is not jwt");
  require(s.jwt.issuer == kDemoIssuer, rule + "jwt.issuer is not \"" + std::string(kDemoIssuer) + '"');
  require(s.jwt.public_key_file.empty() && s.jwt.jwks_file.empty(),
          rule + "there are keys of somebody who issues tokens");
}

/// A line end in a field would be the end of the field, and the beginning of another.
bool is_header_field(const std::string& text) {
  const auto colon = text.find(": ");
  const auto is_visible = [](char c) { return c >= ' ' && c <= '~'; };
  return colon != std::string::npos && colon > 0 && text.find(' ') > colon && std::ranges::all_of(text, is_visible);
}

void check_tracing(const Settings& s) {
  if (!s.tracing.enabled) return;
  require(s.tracing.url.starts_with("http://") || s.tracing.url.starts_with("https://"),
          "tracing.url must begin with http:// or https://");
  require(std::ranges::all_of(s.tracing.headers, is_header_field),
          "tracing.headers: each must have the form Name: value");
}

}  // namespace

void check_together(const Settings& s) {
  require(is_ip_address(s.http.address), "http.address must be an IPv4 or IPv6 address, without brackets or port");
  require(is_ip_address(s.admin.address), "admin.address must be an IPv4 or IPv6 address, without brackets or port");
  require(s.http.port != s.admin.port || s.http.port == 0,
          "http.port and admin.port are both " + std::to_string(s.http.port) + " and must differ");
  require_at_most("checkout.wait_ms", s.checkout.wait_ms, "checkout.wait_max_ms", s.checkout.wait_max_ms);
  require_at_most("postgres.lock_timeout_ms", s.postgres.lock_timeout_ms, "postgres.statement_timeout_ms",
                  s.postgres.statement_timeout_ms);
  // An entry of the pending log has a batch of orders, and the sweeper takes it whole.
  require_at_most("checkout.reservation_batch_max", s.checkout.reservation_batch_max, "sweeper.in_flight_max",
                  s.sweeper.in_flight_max);
  check_demo(s);
  check_tracing(s);
  require(s.jwt.public_key_file.empty() == s.jwt.public_key_algorithm.empty(),
          "jwt.public_key_file and jwt.public_key_algorithm go together: one is given without the other");
}

void require_settings_for(const Settings& settings, Purpose purpose) {
  switch (purpose) {
    case Purpose::serve:
      require_postgres(settings);
      require_proxies(settings);
      require_admin_tokens(settings);
      require_webhook_secrets(settings);
      if (settings.auth.mode == "gateway") {
        require_gateway(settings);
      } else {
        require_keys(settings);
      }
      return;
    case Purpose::stores:
    case Purpose::postgres: require_postgres(settings); return;
    case Purpose::token:
      require(!settings.jwt.secret.empty(),
              "a token needs a secret to be signed with: set FLASHSALE_JWT_SECRET or jwt.secret_file");
      return;
  }
}

}  // namespace flashsale::app
