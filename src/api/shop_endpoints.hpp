#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/api/shop_options.hpp"

namespace flashsale::api {

/// A shop for people: a page for each sale, written from what memory knows, which the page's script then keeps up to
/// date. What is bought is bought through the public API like by any other client.
class ShopEndpoints {
 public:
  ShopEndpoints(ThreadParts thread, ShopOptions options) : thread_(thread), options_(std::move(options)) {}
  void add_routes(Routes& routes);

 private:
  /// Written once a snapshot, however many ask.
  struct Document {
    std::uint64_t snapshot_no = 0;
    std::string text;
    std::string etag;
  };

  struct ListedSale {
    std::shared_ptr<const Sale> sale;
    std::string_view state;  ///< of fixed texts
  };
  /// Drawn up once a snapshot, whatever the language.
  struct List {
    std::optional<std::uint64_t> snapshot_no;
    std::vector<ListedSale> sales;
  };

  [[nodiscard]] static bool comes_before(const ListedSale& one, const ListedSale& other);
  [[nodiscard]] const std::vector<ListedSale>& listed_sales();
  /// Empty when it has to be written anew. Without a sale it is the list.
  [[nodiscard]] Document& document(std::string_view language, std::string_view sale_id);
  void answer_list(Exchange& exchange);
  void answer_sale(Exchange& exchange);
  static void reply_no_sale(Exchange& exchange, ProblemType problem, std::string_view language);
  void reply_sale(Exchange& exchange, const catalog::SaleSnapshot& sale, std::string_view language);
  void write_sale(std::string& out, const catalog::SaleSnapshot& sale, std::string_view language) const;

  ThreadParts thread_;
  ShopOptions options_;
  List list_;
  std::map<std::string, Document, std::less<>> documents_;  ///< by language and sale
};

}  // namespace flashsale::api
