#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/catalog/catalog.hpp"
#include "flashsale/catalog/directory_watch.hpp"
#include "flashsale/redis/connection.hpp"

namespace flashsale::catalog {

/// Finds a sale for one I/O thread. A sale that memory does not know may have been created on another instance a moment
/// ago: before `unknown` is said, the directory version in Redis must be one that this thread has loaded.
class SaleLookup {
 public:
  enum class Outcome { found, unknown, unavailable };
  using Callback = std::function<void(Outcome, std::shared_ptr<const SaleSnapshot>)>;

  SaleLookup(boost::asio::io_context& context, Catalog& catalog, DirectoryWatch& directory, redis::Connection& redis);

  /// From memory; null when it is not there, or a draft: to buyers there is no such sale.
  [[nodiscard]] std::shared_ptr<const SaleSnapshot> find_in_memory(std::string_view sale_id) const;
  /// For a sale that is not in memory, or was never served here: waits a second at most for it to be served.
  void find(std::string_view sale_id, Callback callback);
  /// The same by the number that an order's id names, for one that is not in memory; a draft is found, too.
  void find(std::int32_t sale_no, Callback callback);
  /// Waits for this thread to know every sale that was announced before the call. False: that cannot be told now.
  void await_directory(std::function<void(bool)> callback);
  /// Waits for the items, which some store has told of, to be in memory: they may belong to a sale that another
  /// instance created a moment ago. False: they did not come in time. May call back before it returns.
  void await_items(std::vector<std::int32_t> item_nos, std::function<void(bool)> callback);

 private:
  struct Wait;
  [[nodiscard]] bool has_loaded(std::int64_t version) const;
  using DirectoryCallback = std::function<void(std::optional<std::int64_t>)>;
  void ask_directory(DirectoryCallback then);
  void ask_directory(DirectoryCallback then, SteadyTime give_up_at);
  /// `then(true)` as soon as the condition holds, `then(false)` when patience is over.
  void wait_until(std::function<bool()> condition, std::function<void(bool)> then);
  void look(const std::shared_ptr<Wait>& wait);

  boost::asio::io_context& context_;
  Catalog& catalog_;
  DirectoryWatch& directory_;
  redis::Connection& redis_;
};

}  // namespace flashsale::catalog
