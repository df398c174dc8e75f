#include "shop_text.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "embedded/flashsale_api_pages.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/html_text.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kOpening = "{{";
constexpr std::string_view kClosing = "}}";
constexpr std::string_view kTextPrefix = "t:";

/// Of ISO 4217's list, those whose minor unit is not a hundredth.
constexpr auto kWithoutMinorUnit =
    std::to_array<std::string_view>({"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
                                     "VND", "VUV", "XAF", "XOF", "XPF"});
constexpr auto kThousandths = std::to_array<std::string_view>({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"});
constexpr auto kTenThousandths = std::to_array<std::string_view>({"CLF", "UYW"});

bool is_one_of(std::span<const std::string_view> currencies, std::string_view currency) {
  return std::find(currencies.begin(), currencies.end(), currency) != currencies.end();
}

}  // namespace

const ShopTexts& ShopTexts::instance() {
  static const ShopTexts texts(pages::shop_texts_json);
  return texts;
}

/// The table is ours, and a test holds it whole: at the start alone.
ShopTexts::ShopTexts(std::string_view table) {
  const auto parsed = nlohmann::json::parse(table, nullptr, /*allow_exceptions=*/false);
  FLASHSALE_CHECK(parsed.is_object() && parsed.contains("language"));
  for (const auto& [language, name] : parsed.at("language").items()) languages_.push_back(language);
  for (const auto& [key, translations] : parsed.items()) {
    for (const auto& [language, text] : translations.items()) texts_[language][key] = text.get<std::string>();
  }
  // A document would end its script at `</`.
  for (const char c : parsed.dump()) c == '<' ? json_.append("\\u003c") : json_.append(1, c);
}

bool ShopTexts::has(std::string_view language) const { return texts_.contains(language); }

std::string_view ShopTexts::text(std::string_view language, std::string_view key) const {
  const auto& texts = texts_.find(language)->second;
  const auto found = texts.find(key);
  return found == texts.end() ? std::string_view{} : std::string_view(found->second);
}

std::size_t minor_digits(std::string_view currency) {
  if (is_one_of(kWithoutMinorUnit, currency)) return 0;
  if (is_one_of(kThousandths, currency)) return 3;
  return is_one_of(kTenThousandths, currency) ? 4 : 2;
}

std::string amount_text(std::int64_t amount, std::string_view currency) {
  auto text = std::to_string(amount);
  const auto digits = minor_digits(currency);
  if (digits == 0) return text;
  if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
  return text.insert(text.size() - digits, ".");
}

void append_page(std::string& out, std::string_view page, std::string_view language,
                 const std::vector<PageValue>& values) {
  for (;;) {
    const auto begin = page.find(kOpening);
    const auto end = page.find(kClosing, begin == std::string_view::npos ? page.size() : begin);
    if (end == std::string_view::npos) break;
    out += page.substr(0, begin);
    const auto name = page.substr(begin + kOpening.size(), end - begin - kOpening.size());
    page.remove_prefix(end + kClosing.size());
    if (name.starts_with(kTextPrefix)) {
      out += escape_html(ShopTexts::instance().text(language, name.substr(kTextPrefix.size())));
      continue;
    }
    const auto value = std::ranges::find(values, name, &PageValue::name);
    FLASHSALE_CHECK(value != values.end());
    if (value->is_page) {
      out += value->value;
    } else {
      out += escape_html(value->value);
    }
  }
  out += page;
}

}  // namespace flashsale::api
