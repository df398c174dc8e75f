#include "flashsale/catalog/pulse_mailbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <utility>

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

const auto kNever = std::chrono::steady_clock::now() + 1h;

TEST(PulseMailboxTest, GivesInOrderWhatWasPutInAndOnlyOnce) {
  PulseMailbox mailbox;
  for (const auto version : {1, 2}) {
    DirectoryNews news;
    news.changes.version = version;
    news.postgres_identity = "postgres";
    mailbox.put(std::move(news));
  }
  SoldOutMarks marks;
  marks.sale_no = 7;
  mailbox.put(std::move(marks));
  const auto mail = mailbox.take();
  ASSERT_EQ(mail.directory.size(), 2U);
  EXPECT_EQ(mail.directory[0].changes.version, 1);
  EXPECT_EQ(mail.directory[1].changes.version, 2);
  EXPECT_EQ(mail.directory[1].postgres_identity, "postgres");
  ASSERT_EQ(mail.marks.size(), 1U);
  EXPECT_EQ(mail.marks[0].sale_no, 7);
  EXPECT_TRUE(mailbox.take().directory.empty());
}

TEST(PulseMailboxTest, NewsOfTheDirectoryWakeThePulse) {
  PulseMailbox mailbox;
  std::thread other([&] { mailbox.put(DirectoryNews{}); });
  EXPECT_TRUE(mailbox.wait_until(kNever));
  other.join();
}

TEST(PulseMailboxTest, MarksWaitForTheNextBeat) {
  PulseMailbox mailbox;
  mailbox.put(SoldOutMarks{});
  const auto next = std::chrono::steady_clock::now() + 10ms;
  EXPECT_TRUE(mailbox.wait_until(next));
  EXPECT_GE(std::chrono::steady_clock::now(), next);
}

TEST(PulseMailboxTest, OneThatIsClosedEndsThePulse) {
  PulseMailbox mailbox;
  std::thread other([&] { mailbox.close(); });
  EXPECT_FALSE(mailbox.wait_until(kNever));
  other.join();
  mailbox.put(DirectoryNews{});
  EXPECT_FALSE(mailbox.wait_until(kNever));
}

}  // namespace
}  // namespace flashsale::catalog
