// Any text as the settings file. It gives settings or one clear line, never anything else; settings that were read can
// be written down and read again; and what is logged of them does not depend on secrets.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "flashsale/app/settings.hpp"
#include "flashsale/model/check.hpp"

namespace flashsale::app {
namespace {

/// A file in memory: inputs come faster than a disk takes them.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("settings", MFD_CLOEXEC)) { FLASHSALE_CHECK(descriptor_ >= 0); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(descriptor_); }

  void write(std::string_view text) const {
    FLASHSALE_CHECK(ftruncate(descriptor_, 0) == 0);
    FLASHSALE_CHECK(pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

bool names_files(const Settings& s) {
  return !s.admin.tokens_file.empty() || !s.jwt.secret_file.empty() || !s.jwt.public_key_file.empty() ||
         !s.jwt.jwks_file.empty() || !s.redis.url_file.empty() || !s.postgres.url_file.empty();
}

std::string to_file(Settings& settings) {
  std::string text;
  for (const Setting& setting : setting_table()) {
    text += std::string(setting.section) + "." + std::string(setting.key) + " = ";
    text += to_toml(setting.member(settings)) + "\n";
  }
  return text;
}

void require_one_line(std::string_view line) {
  FLASHSALE_CHECK(!line.empty() && line.find('\n') == std::string_view::npos);
}

void test_purposes(const Settings& settings) {
  for (const Purpose purpose : {Purpose::serve, Purpose::stores, Purpose::postgres, Purpose::token}) {
    try {
      require_settings_for(settings, purpose);
    } catch (const SettingsError& failure) {
      require_one_line(failure.what());
    }
  }
}

void test_redacted(const Settings& settings) {
  Settings other = settings;
  if (!other.jwt.secret.empty()) other.jwt.secret = "some other secret";
  for (std::string& token : other.admin.tokens) token = "some other token";
  const std::string line = redacted(settings);
  FLASHSALE_CHECK(redacted(other) == line);
  require_one_line(line);
}

void test_written_again(const MemoryFile& file, const SettingsSources& sources, Settings settings) {
  if (names_files(settings)) return;  // then it has both the file's name and its content, which exclude each other
  const std::string written = to_file(settings);
  file.write(written);
  Settings again = load_settings(sources);
  FLASHSALE_CHECK(to_file(again) == written);
}

void test(std::string_view text) {
  static const MemoryFile file;
  file.write(text);
  SettingsSources sources;
  sources.file = file.path();
  Settings settings;
  try {
    settings = load_settings(sources);
  } catch (const SettingsError& failure) {
    require_one_line(failure.what());
    return;
  }
  test_purposes(settings);
  test_redacted(settings);
  test_written_again(file, sources, settings);
}

}  // namespace
}  // namespace flashsale::app

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flashsale::app::test({reinterpret_cast<const char*>(data), size});
  return 0;
}
