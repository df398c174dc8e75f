#include "flashsale/identity/customer_id_form.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "flashsale/model/identifier.hpp"

namespace flashsale::identity {
namespace {

constexpr int kDecomposed = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_REJECTNA;
constexpr int kComposed = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_REJECTNA;

struct FreeText {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }  // NOLINT: the library takes it from malloc
};

/// False: it has characters that are not known.
bool map(std::string& text, int options) {
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &out, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, FreeText> owner(out);
  if (size < 0) return false;
  text.assign(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  return true;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Decomposed before it is folded: what folds by itself, and what an accent stands on, must not depend on how the text
/// was composed.
bool fold_case(std::string& text) {
  if (!is_ascii(text)) return map(text, kDecomposed) && map(text, kComposed | UTF8PROC_CASEFOLD);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return true;
}

}  // namespace

std::optional<CustomerIdForm> parse_customer_id_form(std::string_view name) {
  if (name == "bytes") return CustomerIdForm::bytes;
  if (name == "nfc") return CustomerIdForm::nfc;
  if (name == "nfc_casefold") return CustomerIdForm::nfc_casefold;
  return std::nullopt;
}

std::optional<std::string_view> customer_id_in_form(std::string_view id, CustomerIdForm form) {
  if (!is_valid_customer_id(id)) return std::nullopt;
  if (form == CustomerIdForm::bytes || (form == CustomerIdForm::nfc && is_ascii(id))) return id;
  thread_local std::string text;
  text = id;
  const bool is_known = form == CustomerIdForm::nfc ? map(text, kComposed) : fold_case(text);
  // What is folded can be longer.
  if (!is_known || !is_valid_customer_id(text)) return std::nullopt;
  return text;
}

}  // namespace flashsale::identity
