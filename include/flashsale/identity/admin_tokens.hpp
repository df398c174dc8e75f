#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/time.hpp"

namespace flashsale::identity {

/// What an admin may do; each may also do what those before it may.
enum class AdminRole : std::uint8_t {
  read,       ///< sales, their audit and report, feature flags: nothing that names a customer
  support,    ///< orders and their customers, cancelling an order, the log of changes
  operator_,  ///< everything
};
[[nodiscard]] std::string_view to_string(AdminRole role);

/// The admins' bearer tokens, kept as `name:role[:until]:sha256hex` (SHA-256 of the token's bytes; `until` in RFC
/// 3339), so that neither settings nor memory hold a token and the log has a who. `name:sha256hex` is an operator's.
/// One thread at a time.
class AdminTokens {
 public:
  /// Throws std::invalid_argument with one clear line, which holds no secret, for a malformed or repeated entry.
  explicit AdminTokens(std::span<const std::string> entries);

  struct Admin {
    std::string_view name;
    AdminRole role = AdminRole::read;
    TimePoint until = TimePoint::max();  ///< what the token opens ends with it
    bool has_expired = false;
  };
  /// Whose token this is; constant time in the token.
  [[nodiscard]] std::optional<Admin> find(std::string_view token, TimePoint now) const;

 private:
  struct Entry {
    std::string name;
    AdminRole role = AdminRole::operator_;
    std::optional<TimePoint> until;
    std::array<unsigned char, 32> hash{};
  };
  static Entry parse(std::string_view text, const std::string& where);

  std::vector<Entry> entries_;
};

}  // namespace flashsale::identity
