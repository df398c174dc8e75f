#include "script.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "embedded/flashsale_redis.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/selling_times.hpp"

namespace flashsale::redis {
namespace {

std::string sha1_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  FLASHSALE_CHECK(EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha1(), nullptr) == 1);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += digits[digest[i] >> 4U];
    hex += digits[digest[i] & 15U];
  }
  return hex;
}

constexpr std::string_view kPreludePrefix = "prelude_";
constexpr std::string_view kUses = "\n-- Uses  ";

/// Microseconds, as the rest of Redis's clock.
std::string times() {
  return "local RESTOCK_REST, OPENING_REST = " + std::to_string(kRestockRest.count()) + ", " +
         std::to_string(kOpeningRest.count()) + "\n";
}

std::string prelude(std::string_view name) {
  if (name == "times") return times();
  const auto file_name = std::string(kPreludePrefix).append(name).append(".lua");
  const auto found = std::find_if(embedded::files.begin(), embedded::files.end(),
                                  [&](const auto& file) { return file.name == file_name; });
  FLASHSALE_CHECK(found != embedded::files.end());
  return std::string(found->text);
}

/// What stands in the line `-- Uses  a, b` of a script's head, one after the other.
std::string preludes_of(std::string_view text) {
  const auto found = text.find(kUses);
  if (found == std::string_view::npos) return {};
  auto names = text.substr(found + kUses.size());
  names = names.substr(0, names.find('\n'));
  std::string preludes;
  while (!names.empty()) {
    const auto comma = std::min(names.find(", "), names.size());
    preludes += prelude(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 2, names.size()));
  }
  return preludes;
}

/// A line `#!lua …` has to stay the first.
std::string with_preludes(std::string_view text) {
  const auto flags = text.starts_with("#!") ? text.substr(0, text.find('\n') + 1) : std::string_view{};
  return std::string(flags).append(preludes_of(text)).append(text.substr(flags.size()));
}

std::vector<Script> load() {
  std::vector<Script> scripts;
  scripts.reserve(embedded::files.size());
  for (const auto& file : embedded::files) {
    if (file.name.starts_with(kPreludePrefix)) continue;
    auto text = with_preludes(file.text);
    auto sha1 = sha1_hex(text);
    scripts.push_back({file.name.substr(0, file.name.rfind('.')), std::move(text), std::move(sha1)});
  }
  return scripts;
}

}  // namespace

std::span<const Script> all_scripts() {
  static const std::vector<Script> scripts = load();
  return scripts;
}

const Script& script(std::string_view name) {
  const auto scripts = all_scripts();
  const auto found = std::find_if(scripts.begin(), scripts.end(), [&](const Script& s) { return s.name == name; });
  FLASHSALE_CHECK(found != scripts.end());
  return *found;
}

}  // namespace flashsale::redis
