#pragma once
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flashsale::identity {

/// The admins' bearer tokens, kept as `name:sha256hex` (SHA-256 of the token's bytes), so that neither settings nor
/// memory hold a token and the log has a who. Immutable after construction; any thread.
class AdminTokens {
 public:
  /// Throws std::invalid_argument with one clear line for a malformed or repeated entry; start-up only.
  explicit AdminTokens(std::span<const std::string> entries);

  /// Name of the admin whose token this is; constant time in the token.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view token) const;

 private:
  struct Entry {
    std::string name;
    std::array<unsigned char, 32> hash;
  };
  std::vector<Entry> entries_;
};

}  // namespace flashsale::identity
