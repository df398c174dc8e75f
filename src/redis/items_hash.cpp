#include "items_hash.hpp"

#include <charconv>
#include <cstddef>
#include <map>

namespace flashsale::redis {

std::vector<ItemLevel> read_items(ReplyView fields) {
  std::map<std::int32_t, ItemLevel> items;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const auto name = fields[i].text();
    std::int32_t item_no = 0;
    const auto end = std::from_chars(name.data(), name.data() + name.size(), item_no).ptr;
    const auto letter = name.substr(static_cast<std::size_t>(end - name.data()));
    auto& item = items[item_no];
    item.item_no = item_no;
    if (letter == ":r") item.remaining = fields[i + 1].number();
    if (letter == ":v") item.version = fields[i + 1].number();
    if (letter == ":s") item.stock_version = fields[i + 1].number();
    if (letter == ":o") item.sells_from = from_unix_us(fields[i + 1].number());
  }
  std::vector<ItemLevel> result;
  result.reserve(items.size());
  for (auto& [item_no, item] : items) result.push_back(item);
  return result;
}

}  // namespace flashsale::redis
