#include "settings_change.hpp"

#include <algorithm>
#include <array>

namespace flashsale::app {
namespace {

bool changes_at_once(const Setting& setting) {
  constexpr std::array<std::string_view, 7> kOthers{"admin.tokens",
                                                    "admin.tokens_file",
                                                    "admin.watch_secret",
                                                    "admin.watch_secret_file",
                                                    "payments.webhook_secrets",
                                                    "payments.webhook_secrets_file",
                                                    "payments.webhook_tolerance_s"};
  return setting.section == "jwt" || std::ranges::find(kOthers, setting.name()) != kOthers.end();
}

std::string value_of(const Setting& setting, const Settings& settings) {
  Settings copy = settings;
  return to_toml(setting.member(copy));
}

}  // namespace

SettingsChange compare_settings(const Settings& current, const Settings& fresh) {
  SettingsChange change;
  for (const Setting& setting : setting_table()) {
    if (value_of(setting, current) == value_of(setting, fresh)) continue;
    (changes_at_once(setting) ? change.at_once : change.after_restart).push_back(setting.name());
  }
  // What the files hold, under the same name.
  const auto note = [&](const char* name, bool differs) {
    if (differs && std::ranges::find(change.at_once, name) == change.at_once.end()) change.at_once.emplace_back(name);
  };
  note("jwt.public_key_file", current.jwt.public_key_pem != fresh.jwt.public_key_pem);
  note("jwt.jwks_file", current.jwt.jwks_json != fresh.jwt.jwks_json);
  return change;
}

void take_credentials(Settings& current, const Settings& fresh) {
  current.jwt = fresh.jwt;
  current.admin.tokens = fresh.admin.tokens;
  current.admin.tokens_file = fresh.admin.tokens_file;
  current.admin.watch_secret = fresh.admin.watch_secret;
  current.admin.watch_secret_file = fresh.admin.watch_secret_file;
  current.payments.webhook_secrets = fresh.payments.webhook_secrets;
  current.payments.webhook_secrets_file = fresh.payments.webhook_secrets_file;
  current.payments.webhook_tolerance_s = fresh.payments.webhook_tolerance_s;
}

}  // namespace flashsale::app
