#pragma once

namespace flashsale::app {

struct Settings;

/// Throws SettingsError for values that are each allowed, but not together.
void check_together(const Settings& settings);

}  // namespace flashsale::app
