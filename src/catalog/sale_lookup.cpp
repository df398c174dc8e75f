#include "flashsale/catalog/sale_lookup.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "flashsale/redis/directory.hpp"

namespace flashsale::catalog {
namespace {

constexpr std::chrono::milliseconds kLookAgain{10};
constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

struct SaleLookup::Wait {
  Wait(boost::asio::io_context& context, std::function<bool()> condition, std::function<void(bool)> callback)
      : holds(std::move(condition)), then(std::move(callback)), timer(context) {}
  std::function<bool()> holds;
  std::function<void(bool)> then;
  boost::asio::steady_timer timer;
  SteadyTime give_up_at = std::chrono::steady_clock::now() + kPatience;
};

SaleLookup::SaleLookup(boost::asio::io_context& context, Catalog& catalog, DirectoryWatch& directory,
                       redis::Connection& redis)
    : context_(context), catalog_(catalog), directory_(directory), redis_(redis) {}

std::shared_ptr<const SaleSnapshot> SaleLookup::find_in_memory(std::string_view sale_id) const {
  auto sale = catalog_.snapshot()->find(sale_id);
  return sale && sale->sale->is_draft ? nullptr : sale;
}

void SaleLookup::find(std::string_view sale_id, Callback callback) {
  ask_directory([this, id = std::string(sale_id), callback = std::move(callback)](std::optional<std::int64_t> version) {
    if (!version) return callback(Outcome::unavailable, nullptr);
    const auto is_decided = [this, id, version] {
      const auto sale = find_in_memory(id);
      return sale ? sale->serving : has_loaded(*version);
    };
    wait_until(is_decided, [this, id, callback](bool decided) {
      auto sale = find_in_memory(id);
      if (sale) return callback(Outcome::found, std::move(sale));
      callback(decided ? Outcome::unknown : Outcome::unavailable, nullptr);
    });
  });
}

void SaleLookup::find(std::int32_t sale_no, Callback callback) {
  await_directory([this, sale_no, callback = std::move(callback)](bool is_current) {
    auto sale = catalog_.snapshot()->find(sale_no);
    const auto outcome = sale ? Outcome::found : is_current ? Outcome::unknown : Outcome::unavailable;
    callback(outcome, std::move(sale));
  });
}

void SaleLookup::await_directory(std::function<void(bool)> callback) {
  ask_directory([this, callback = std::move(callback)](std::optional<std::int64_t> version) {
    if (!version) return callback(false);
    wait_until([this, version] { return has_loaded(*version); }, callback);
  });
}

void SaleLookup::await_items(std::vector<std::int32_t> item_nos, std::function<void(bool)> callback) {
  const auto are_known = [this, item_nos = std::move(item_nos)] {
    const auto& snapshot = *catalog_.snapshot();
    return std::all_of(item_nos.begin(), item_nos.end(),
                       [&](std::int32_t item_no) { return snapshot.find_item(item_no).item != nullptr; });
  };
  if (are_known()) return callback(true);
  directory_.reload();
  wait_until(are_known, std::move(callback));
}

bool SaleLookup::has_loaded(std::int64_t version) const { return catalog_.snapshot()->directory_version >= version; }

/// The newest directory version that anybody has announced; nothing when Redis does not say.
void SaleLookup::ask_directory(DirectoryCallback then) {
  ask_directory(std::move(then), std::chrono::steady_clock::now() + kPatience);
}

void SaleLookup::ask_directory(DirectoryCallback then, SteadyTime give_up_at) {
  redis_.ask(redis::read_directory(),
             [this, then = std::move(then), give_up_at](const Result<std::optional<std::int64_t>>& read) {
               const auto version = read ? *read : std::nullopt;
               if (!version || !has_loaded(*version)) directory_.reload();
               if (!read || version || std::chrono::steady_clock::now() >= give_up_at) return then(version);
               // Redis has lost it: whoever loads the directory next tells Redis again.
               auto timer = std::make_shared<boost::asio::steady_timer>(context_, kLookAgain);
               timer->async_wait([this, then, give_up_at, timer](const Error& stopped) {
                 if (!stopped) ask_directory(then, give_up_at);
               });
             });
}

void SaleLookup::wait_until(std::function<bool()> condition, std::function<void(bool)> then) {
  look(std::make_shared<Wait>(context_, std::move(condition), std::move(then)));
}

void SaleLookup::look(const std::shared_ptr<Wait>& wait) {
  if (wait->holds()) return wait->then(true);
  if (std::chrono::steady_clock::now() >= wait->give_up_at) return wait->then(false);
  wait->timer.expires_after(kLookAgain);
  wait->timer.async_wait([this, wait](const Error& error) {
    if (!error) look(wait);
  });
}

}  // namespace flashsale::catalog
