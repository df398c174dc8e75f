#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// The public catalog, from memory alone. A document is written once a pulse and thread, however many ask for it.
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

  void answer_list(Exchange& exchange);
  void answer_sale(Exchange& exchange);
  void reply_sale(Exchange& exchange, const catalog::SaleSnapshot& sale);
  void write_sale(std::string& body, const catalog::SaleSnapshot& sale, catalog::SteadyTime now) const;
  void reply_document(Exchange& exchange, Document& document);
  [[nodiscard]] bool is_current(const Document& document) const;

  ThreadParts thread_;
  std::unordered_map<std::string, Document> sales_;
  std::unordered_map<std::string, Document> lists_;  ///< by query; bounded
};

}  // namespace flashsale::api
