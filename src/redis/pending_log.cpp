#include "flashsale/redis/pending_log.hpp"

#include <utility>

#include "evalsha.hpp"
#include "pending_page.hpp"
#include "plain_replies.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {

Result<PendingPage> read_pending(ReplyView reply) {
  if (!reply.is_array()) return protocol_error();
  PendingPage page;
  page.size = reply.size();
  for (std::size_t i = 0; i < page.size; ++i) {
    const auto fields = reply[i][1];
    auto entry =
        parse_pending_entry(reply[i][0].text(), fields[1].text(), fields[2].text(), fields[3].text(), fields[5].text());
    if (entry) page.entries.push_back(std::move(*entry));
    else ++page.unreadable;
  }
  if (page.size > 0) page.last_id = reply[page.size - 1][0].text();
  return page;
}

Call<PendingPage> pending(std::string_view sale_id, std::int64_t epoch, std::string_view after, std::int64_t count) {
  const SaleKeys keys(sale_id, epoch);
  Command command(6);
  command.add("XRANGE").add_key(keys.log).add(after.empty() ? std::string("-") : "(" + std::string(after)).add("+");
  command.add("COUNT").add(count);
  return {std::move(command), Reader(read_pending)};
}

Call<PendingPage> pending_entry(std::string_view sale_id, std::int64_t epoch, std::string_view entry_id) {
  Command command(4);
  command.add("XRANGE").add_key(SaleKeys(sale_id, epoch).log).add(entry_id).add(entry_id);
  return {std::move(command), Reader(read_pending)};
}

Call<std::int64_t> trim(std::string_view sale_id, std::int64_t epoch, std::span<const std::string> entry_ids) {
  const SaleKeys keys(sale_id, epoch);
  Command command(2 + entry_ids.size());
  command.add("XDEL").add_key(keys.log);
  for (const auto& id : entry_ids) command.add(id);
  return {std::move(command), Reader(read_number)};
}

}  // namespace flashsale::redis
