#include "observations.hpp"

#include <algorithm>

#include "flashsale/model/check.hpp"

namespace flashsale::load {
namespace {

/// Refusals that answer the order; 401, 429 and malformed requests say nothing about it.
bool denies_order(const Answer& answer) {
  return answer.status == 403 || answer.status == 404 || answer.status == 409 || answer.status == 422;
}

void observe_order(KeyRecord& record, const Answer& answer, const OrderId& expected) {
  if (!answer.order_id || !answer.order_status) {
    record.seen |= kSeenNoId;
  } else if (*answer.order_id != expected) {
    record.seen |= kSeenOtherId;
  }
  if (answer.order_status == OrderStatus::rejected) record.seen |= kSeenRejected;
}

void observe_checkout(KeyRecord& record, Kind kind, const Answer& answer, KnownAtSending known,
                      const OrderId& expected) {
  switch (answer.outcome) {
    case Outcome::created:
      if (known.is_committed) record.seen |= kSeenCreatedAgain;
      record.seen |= kSeenCreated;
      break;
    case Outcome::accepted: record.seen |= kSeenAccepted; break;
    case Outcome::replayed:
      record.seen |= answer.order_status == OrderStatus::pending ? kSeenAccepted : kSeenReplayed;
      break;
    case Outcome::refused:
      record.seen |= kSeenRefused;
      if (known.has_order && denies_order(answer)) record.seen |= kSeenRefusedAfterOrder;
      if (kind == Kind::resolve && denies_order(answer)) record.seen |= kSeenRefusedAtTheEnd;
      break;
    case Outcome::overloaded:
    case Outcome::unavailable: record.seen |= kSeenShed; break;
    default:
      if (is_unknown(answer.outcome)) record.seen |= kSeenUnknown;
  }
  if (holds_order(answer.outcome)) observe_order(record, answer, expected);
}

void observe_order_request(KeyRecord& record, Kind kind, const Answer& answer, const OrderId& expected) {
  if (answer.outcome == Outcome::done) {
    observe_order(record, answer, expected);
    if (kind == Kind::cancel) record.seen |= kSeenCancelled;
    if (kind == Kind::poll && answer.order_status != OrderStatus::pending) record.seen |= kSeenReplayed;
  } else if (answer.status == 404) {
    record.seen |= kSeenGone;
  }
}

}  // namespace

void observe(KeyRecord& record, Kind kind, const Answer& answer, KnownAtSending known, const OrderId& expected) {
  if (is_checkout(kind)) {
    observe_checkout(record, kind, answer, known, expected);
  } else {
    observe_order_request(record, kind, answer, expected);
  }
}

KeyLog::Index KeyLog::add(const KeyRecord& record) {
  FLASHSALE_CHECK(size_ < kRecordsMax);
  if (size_ >> kBlockBits == blocks_.size()) blocks_.push_back(std::make_unique<Block>());
  (*this)[size_] = record;
  return size_++;
}

void KeyLog::move_to(std::vector<KeyRecord>& out) {
  for (std::unique_ptr<Block>& block : blocks_) {
    const auto count = std::min<std::size_t>(size_, block->size());
    out.insert(out.end(), block->begin(), block->begin() + static_cast<std::ptrdiff_t>(count));
    size_ -= static_cast<Index>(count);
    block.reset();
  }
  blocks_.clear();
}

}  // namespace flashsale::load
