#include "load/observations.hpp"

#include <gtest/gtest.h>

#include "load/buyers.hpp"
#include "order_ids.hpp"

namespace flashsale::load {
namespace {

const OrderId kOwnId = expected_order_id({sample::kSalt, sample::kSaleNo}, "run", 1, 0);
const OrderId kOtherId = expected_order_id({sample::kSalt, sample::kSaleNo}, "run", 2, 0);

Answer order(Outcome outcome, const OrderId& id = kOwnId, OrderStatus status = OrderStatus::confirmed) {
  return {.outcome = outcome, .status = 200, .order_id = id, .order_status = status, .payment_outcome = {}};
}

Answer refusal(unsigned status) {
  return {.outcome = Outcome::refused, .status = status, .order_id = {}, .order_status = {}, .payment_outcome = {}};
}

/// A record to which answers come one after the other, each to a request sent after the one before was answered.
struct Conversation {
  KeyRecord record;

  Conversation& hears(const Answer& answer, Kind kind = Kind::retry) {
    observe(record, kind, answer, known_about(record), kOwnId);
    return *this;
  }
};

TEST(LoadObservationsTest, AnHonestConversationLeavesNoMark) {
  const Conversation conversation = Conversation()
                                        .hears(order(Outcome::created))
                                        .hears(order(Outcome::replayed))
                                        .hears(no_answer(Outcome::timed_out));
  EXPECT_EQ(conversation.record.seen, kSeenCreated | kSeenReplayed | kSeenUnknown);
}

TEST(LoadObservationsTest, MarksAnotherId) {
  EXPECT_NE(Conversation().hears(order(Outcome::created, kOtherId)).record.seen & kSeenOtherId, 0U);
  EXPECT_NE(Conversation().hears(order(Outcome::replayed, kOtherId)).record.seen & kSeenOtherId, 0U);
  EXPECT_NE(Conversation().hears(order(Outcome::done, kOtherId), Kind::poll).record.seen & kSeenOtherId, 0U);
}

TEST(LoadObservationsTest, MarksASuccessWithoutOrder) {
  const Answer empty{
      .outcome = Outcome::created, .status = 201, .order_id = {}, .order_status = {}, .payment_outcome = {}};
  EXPECT_EQ(Conversation().hears(empty).record.seen, kSeenCreated | kSeenNoId);
}

TEST(LoadObservationsTest, MarksARefusalOfAKnownOrderOnly) {
  for (const unsigned status : {403U, 404U, 409U, 422U}) {
    EXPECT_NE(Conversation().hears(order(Outcome::created)).hears(refusal(status)).record.seen & kSeenRefusedAfterOrder,
              0U);
    EXPECT_NE(
        Conversation().hears(order(Outcome::accepted)).hears(refusal(status)).record.seen & kSeenRefusedAfterOrder, 0U);
    EXPECT_EQ(Conversation().hears(refusal(status)).hears(order(Outcome::created)).record.seen & kSeenRefusedAfterOrder,
              0U);
  }
  // These are not about the order.
  for (const unsigned status : {401U, 429U}) {
    EXPECT_EQ(Conversation().hears(order(Outcome::created)).hears(refusal(status)).record.seen & kSeenRefusedAfterOrder,
              0U);
  }
}

TEST(LoadObservationsTest, ARequestThatWasUnderWayBeforeIsNotHeldAgainstTheServer) {
  Conversation conversation;
  const KnownAtSending before = known_about(conversation.record);
  conversation.hears(order(Outcome::created));
  observe(conversation.record, Kind::duplicate, refusal(409), before, kOwnId);
  observe(conversation.record, Kind::duplicate, order(Outcome::created), before, kOwnId);
  EXPECT_EQ(conversation.record.seen, kSeenCreated | kSeenRefused);
}

TEST(LoadObservationsTest, MarksASecond201) {
  EXPECT_NE(
      Conversation().hears(order(Outcome::created)).hears(order(Outcome::created)).record.seen & kSeenCreatedAgain, 0U);
  // A 202 says that it is not committed yet; 201 may follow.
  EXPECT_EQ(
      Conversation().hears(order(Outcome::accepted)).hears(order(Outcome::created)).record.seen & kSeenCreatedAgain,
      0U);
}

TEST(LoadObservationsTest, KeepsWhatIsPendingApartFromWhatIsCommitted) {
  const auto pending = order(Outcome::replayed, kOwnId, OrderStatus::pending);
  EXPECT_EQ(Conversation().hears(pending).record.seen, +kSeenAccepted);
  const auto polled = order(Outcome::done, kOwnId, OrderStatus::pending);
  EXPECT_EQ(Conversation().hears(polled, Kind::poll).record.seen, 0U);
}

TEST(LoadObservationsTest, NotesCancellationsAndLostOrders) {
  const auto cancelled = order(Outcome::done, kOwnId, OrderStatus::cancelled);
  EXPECT_EQ(Conversation().hears(cancelled, Kind::cancel).record.seen, +kSeenCancelled);
  EXPECT_EQ(Conversation().hears(refusal(404), Kind::poll).record.seen, +kSeenGone);
  EXPECT_EQ(Conversation().hears(refusal(409), Kind::cancel).record.seen, 0U);
}

TEST(LoadObservationsTest, OnlyTheLastWordIsADefiniteNo) {
  EXPECT_EQ(Conversation().hears(no_answer(Outcome::connection_lost)).hears(refusal(409)).record.seen,
            kSeenUnknown | kSeenRefused);
  EXPECT_EQ(Conversation().hears(no_answer(Outcome::connection_lost)).hears(refusal(409), Kind::resolve).record.seen,
            kSeenUnknown | kSeenRefused | kSeenRefusedAtTheEnd);
  EXPECT_EQ(Conversation().hears(no_answer(Outcome::connect_failed)).record.seen, 0U);
}

TEST(LoadKeyLogTest, KeepsRecordsInOrderAcrossBlocks) {
  KeyLog log;
  constexpr std::uint32_t kCount = 150'000;
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(log.add({.buyer = i}), i);
  log[70'000].seen = kSeenCreated;
  std::vector<KeyRecord> all;
  log.move_to(all);
  ASSERT_EQ(all.size(), kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(all[i].buyer, i);
  EXPECT_EQ(all[70'000].seen, +kSeenCreated);
  EXPECT_EQ(log.size(), 0U);
}

}  // namespace
}  // namespace flashsale::load
