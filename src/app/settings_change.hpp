#pragma once
#include <string>
#include <vector>

#include "flashsale/app/settings.hpp"

namespace flashsale::app {

/// What differs between two sets of settings, by name. Never a value.
struct SettingsChange {
  std::vector<std::string> at_once;        ///< tokens, secrets and keys: a running process takes them over
  std::vector<std::string> after_restart;  ///< everything else
};
[[nodiscard]] SettingsChange compare_settings(const Settings& current, const Settings& fresh);

/// Puts what changes at once into `current`; the rest stays as it is.
void take_credentials(Settings& current, const Settings& fresh);

}  // namespace flashsale::app
