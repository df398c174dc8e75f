#include "script.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <vector>

#include "embedded/flashsale_redis.hpp"
#include "flashsale/model/check.hpp"

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

std::vector<Script> load() {
  std::vector<Script> scripts;
  scripts.reserve(embedded::files.size());
  for (const auto& file : embedded::files) {
    scripts.push_back({file.name.substr(0, file.name.rfind('.')), file.text, sha1_hex(file.text)});
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
