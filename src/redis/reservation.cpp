#include "flashsale/redis/reservation.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "evalsha.hpp"
#include "flashsale/redis/order_record.hpp"
#include "sale_keys.hpp"

namespace flashsale::redis {
namespace {

std::optional<Decision> parse_decision(char code) {
  switch (code) {
    case 'a': return Decision::accepted;
    case 'r': return Decision::replay;
    case 's': return Decision::sold_out;
    case 'l': return Decision::limit;
    case 'm': return Decision::order_limit;
    case 'u': return Decision::unpaid_pause;
    case 'n': return Decision::not_open;
    case 'i': return Decision::unknown_item;
    case 'o': return Decision::log_full;
    case 'w': return Decision::resting;
    case 'x': return Decision::too_late;
    case 'k': return Decision::no_order;
    default: return std::nullopt;
  }
}

/// As reserve.lua has it.
std::string_view mode_of(const ReservationTerms& terms) {
  if (terms.reserves_again) return terms.too_late ? "2" : "1";
  return terms.replay_only ? "3" : "0";
}

/// As the pending log has them (parse_pending_entry).
std::string client_hashes(std::span<const ReservationRequest> requests) {
  const auto is_told = [](const ReservationRequest& request) {
    return request.client_hash.size() == kClientHashDigits;
  };
  std::string hashes;
  if (std::ranges::none_of(requests, is_told)) return hashes;
  hashes.reserve(requests.size() * kClientHashDigits);
  for (const auto& request : requests) {
    if (is_told(request)) hashes += request.client_hash;
    else hashes.append(kClientHashDigits, '-');
  }
  return hashes;
}

Result<ReservationReply> read_reserve(ReplyView reply, std::size_t request_count) {
  ReservationReply result;
  const auto outcome = reply[0].text();
  if (outcome == "lost") return result;
  if (outcome == "late") {
    result.outcome = ReservationReply::Outcome::late;
    return result;
  }
  const auto codes = reply[2].text();
  if (outcome != "ok" || codes.size() != request_count) return protocol_error();
  result.outcome = ReservationReply::Outcome::decided;
  result.now = from_unix_us(reply[1].number());
  result.entry_id = reply[3].text();
  result.decisions.reserve(codes.size());
  for (const char code : codes) {
    const auto decision = parse_decision(code);
    if (!decision) return protocol_error();
    result.decisions.push_back(*decision);
  }
  for (std::size_t i = 0; i < reply[4].size(); ++i) result.records.emplace_back(reply[4][i].text());
  const auto replays = std::count(result.decisions.begin(), result.decisions.end(), Decision::replay);
  if (static_cast<std::size_t>(replays) != result.records.size()) return protocol_error();
  return result;
}

}  // namespace

Call<ReservationReply> reserve(const Fence& fence, const ReservationTerms& terms,
                               std::span<const ReservationRequest> requests) {
  std::vector<std::int32_t> items;
  std::size_t line_count = 0;
  for (const auto& request : requests) {
    line_count += request.lines.size();
    for (const auto& line : request.lines) {
      if (std::ranges::find(items, line.item_no) == items.end()) items.push_back(line.item_no);
    }
  }
  const SaleKeys keys(fence.sale_id, fence.epoch);
  auto command = evalsha("reserve", {keys.fence, keys.items, keys.orders, keys.buyers, keys.log},
                         9 + items.size() + line_count * 5);
  command.add(fence.epoch).add(fence.identity).add(to_unix_us(terms.deadline)).add(terms.log_entries_max);
  command.add(mode_of(terms));
  command.add(terms.unpaid_orders_max).add(std::int64_t{terms.unpaid_pause.count()});
  command.add(client_hashes(requests)).add(static_cast<std::int64_t>(items.size()));
  for (const auto item_no : items) command.add(static_cast<std::int64_t>(item_no));
  std::string payload;
  for (const auto& request : requests) {
    payload.clear();
    append_order_payload(payload, request.lines, request.customer_id);
    bool is_first = true;
    for (const auto& line : request.lines) {
      const auto index = std::ranges::find(items, line.item_no) - items.begin() + 1;
      command.add(is_first ? request.id.bytes() : std::string_view{}).add(static_cast<std::int64_t>(index));
      command.add(units_field(line.item_no, request.customer_id));
      command.add(static_cast<std::int64_t>(line.quantity))
          .add(is_first ? std::string_view(payload) : std::string_view{});
      is_first = false;
    }
  }
  return {std::move(command), Reader(read_reserve, requests.size())};
}

}  // namespace flashsale::redis
