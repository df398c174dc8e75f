#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace flashsale::identity {

/// What makes two customer ids the same one. `bytes`: the same bytes. `nfc`: the same text, however its characters are
/// composed. `nfc_casefold`: whatever the case, too. Orders are stored under the id in its form.
enum class CustomerIdForm : std::uint8_t { bytes, nfc, nfc_casefold };

/// By its name as above.
[[nodiscard]] std::optional<CustomerIdForm> parse_customer_id_form(std::string_view name);

/// A customer's id, as a token, a gateway or an admin says it, in its form. Empty when it is none; but for `bytes` also
/// when it has characters that the Unicode tables here do not know, whose form newer ones might change. The text is
/// valid until the next call on the same thread, and no longer than `id`.
[[nodiscard]] std::optional<std::string_view> customer_id_in_form(std::string_view id, CustomerIdForm form);

}  // namespace flashsale::identity
