#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What the shop says, in the languages of src/pages/shop/shop_texts.json, and how it comes into a page.
namespace flashsale::api {

class ShopTexts {
 public:
  /// Of the table that is built in.
  static const ShopTexts& instance();

  [[nodiscard]] const std::vector<std::string>& languages() const { return languages_; }
  [[nodiscard]] bool has(std::string_view language) const;
  /// Empty: there is no such text. `language` is one of those that there are.
  [[nodiscard]] std::string_view text(std::string_view language, std::string_view key) const;
  /// All of it, for the page's script: JSON that may stand in a document.
  [[nodiscard]] std::string_view json() const { return json_; }

 private:
  explicit ShopTexts(std::string_view table);

  std::vector<std::string> languages_;
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> texts_;
  std::string json_;
};

/// Digits behind the point, by ISO 4217. (Browsers go by what is customary: none for HUF, whose amounts have two here.)
[[nodiscard]] std::size_t minor_digits(std::string_view currency);

/// 129.90 for 12990 cents.
[[nodiscard]] std::string amount_text(std::int64_t amount, std::string_view currency);

/// What stands for `{{name}}` in a page: text, or a piece of a page that was filled in before.
struct PageValue {
  std::string_view name;
  std::string_view value;
  bool is_page = false;
};

/// Appends `page` with its `{{name}}` filled in; `{{t:key}}` is a text of the language.
void append_page(std::string& out, std::string_view page, std::string_view language,
                 const std::vector<PageValue>& values);

}  // namespace flashsale::api
