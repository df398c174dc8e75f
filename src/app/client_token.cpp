#include "client_token.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "flashsale/app/settings.hpp"

namespace flashsale::app {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;

/// As it may stand in a header field.
std::string checked(std::string token, const char* from) {
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool is_visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c < '\x7f'; });
  if (token.empty() || token.size() > kTokenBytesMax || !is_visible)
    throw SettingsError(std::string(from) + " has no token");
  return token;
}

}  // namespace

std::string read_client_token() {
  if (const char* token = std::getenv("FLASHSALE_ADMIN_TOKEN")) return checked(token, "FLASHSALE_ADMIN_TOKEN");
  const char* path = std::getenv("FLASHSALE_ADMIN_TOKEN_FILE");
  if (path == nullptr) throw SettingsError("FLASHSALE_ADMIN_TOKEN or FLASHSALE_ADMIN_TOKEN_FILE has to be set");
  std::ifstream stream(path, std::ios::binary);
  std::string text(kTokenBytesMax + 2, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return checked(std::move(text), "the file that FLASHSALE_ADMIN_TOKEN_FILE names");
}

}  // namespace flashsale::app
