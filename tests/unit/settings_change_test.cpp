#include "app/settings_change.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flashsale::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SettingsChangeTest, NothingChangesNothing) {
  const auto change = compare_settings({}, {});
  EXPECT_THAT(change.at_once, IsEmpty());
  EXPECT_THAT(change.after_restart, IsEmpty());
}

TEST(SettingsChangeTest, TokensSecretsAndKeysAreTakenOverAtOnce) {
  Settings fresh;
  fresh.admin.tokens = {"alice:read:x"};
  fresh.jwt.secret = "new";
  fresh.jwt.jwks_json = "{}";  // of the same file
  fresh.payments.webhook_secrets = {"whsec_x"};
  fresh.http.port = 1234;
  Settings current;
  const auto change = compare_settings(current, fresh);
  EXPECT_THAT(change.at_once, ElementsAre("admin.tokens", "jwt.secret", "payments.webhook_secrets", "jwt.jwks_file"));
  EXPECT_THAT(change.after_restart, ElementsAre("http.port"));

  take_credentials(current, fresh);
  EXPECT_EQ(current.jwt.secret, "new");
  EXPECT_EQ(current.http.port, Settings{}.http.port);
  EXPECT_THAT(compare_settings(current, fresh).at_once, IsEmpty());
}

TEST(SettingsChangeTest, EverySettingIsOnOneSide) {
  // Whatever take_credentials() leaves out, compare_settings() must not call taken.
  for (const Setting& setting : setting_table()) {
    Settings fresh;
    const auto member = setting.member(fresh);
    if (auto* const* text = std::get_if<std::string*>(&member)) **text += "x";
    else if (auto* const* list = std::get_if<std::vector<std::string>*>(&member)) (*list)->push_back("x");
    else if (auto* const* flag = std::get_if<bool*>(&member)) **flag = !**flag;
    else if (auto* const* wide = std::get_if<std::uint32_t*>(&member)) ++**wide;
    else ++**std::get_if<std::uint16_t*>(&member);
    Settings current;
    const bool at_once = !compare_settings(current, fresh).at_once.empty();
    take_credentials(current, fresh);
    EXPECT_EQ(compare_settings(current, fresh).after_restart.empty(), at_once) << setting.name();
    EXPECT_TRUE(compare_settings(current, fresh).at_once.empty()) << setting.name();
  }
}

}  // namespace
}  // namespace flashsale::app
