#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// The public catalog, from memory alone. Each sale is written once a pulse and thread, however many ask for it, and a
/// page of the list is put together from what was written.
class CatalogEndpoints {
 public:
  explicit CatalogEndpoints(ThreadParts thread) : thread_(thread) {}
  void add_routes(Routes& routes);

 private:
  struct Document {
    std::uint64_t snapshot_no = 0;  ///< of the snapshot that it was written from
    std::string body;
    std::string etag;
  };
  /// What is asked for, whatever the query looked like.
  struct PageKey {
    std::size_t first = 0;  ///< place of its first sale in the snapshot
    std::size_t limit = 0;
    bool operator==(const PageKey&) const = default;
  };
  struct Page {
    PageKey key;
    Document document;
  };

  void answer_list(Exchange& exchange);
  void answer_sale(Exchange& exchange);
  [[nodiscard]] const Document& sale_document(const catalog::SaleSnapshot& sale, catalog::SteadyTime now);
  [[nodiscard]] const Document& page(const PageKey& key);
  void write_page(Document& document, const PageKey& key);
  [[nodiscard]] bool is_current(const Document& document) const;

  ThreadParts thread_;
  std::unordered_map<std::string, Document> sales_;
  std::array<Page, 8> pages_;  ///< those asked for last
  std::size_t next_page_ = 0;
};

}  // namespace flashsale::api
