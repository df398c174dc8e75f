#include "flashsale/events/event.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "order_ids.hpp"

namespace flashsale::events {
namespace {

using Json = nlohmann::json;

Sale sale_of_shoes() {
  Sale sale;
  sale.sale_no = 7;
  sale.id = "drop \"1\"";
  Item item;
  item.item_no = 3;
  item.sku = "shoe";
  item.price = {1999, "EUR"};
  sale.items = {item};
  return sale;
}

postgres::EventRow row_of(EventType type, std::int32_t change_no) {
  postgres::EventRow row;
  row.position = 42;
  row.type = type;
  row.at = from_unix_us(1'700'000'000'000'000);
  row.sale_no = 7;
  row.row_no = 9;
  row.change_no = change_no;
  Order order;
  order.id = sample::order_id("jane", "k", 7);
  order.lines = {{3, 2}};
  order.customer_id = "jane";
  order.status = OrderStatus::confirmed;
  order.created_at = from_unix_us(1'699'999'999'000'000);
  row.order = order;
  row.order_id = order.id;
  return row;
}

Json cloud_event(const Event& event) {
  std::string text;
  append_cloud_event(text, event, "/shop");
  return Json::parse(text);
}

TEST(EventTest, WhatHasCausedItIsAnExtension) {
  const auto sale = sale_of_shoes();
  auto row = row_of(EventType::order_confirmed, 2);
  EXPECT_FALSE(cloud_event(render(row, &sale)).contains("traceparent"));
  row.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(cloud_event(render(row, &sale))["traceparent"], row.traceparent);
  EXPECT_EQ(render(row, &sale).id, render(row_of(EventType::order_confirmed, 2), &sale).id);
}

TEST(EventTest, WhereAnOrderCameFromIsToldIfItIsKnown) {
  const auto sale = sale_of_shoes();
  for (const auto type : {EventType::order_confirmed, EventType::order_rejected, EventType::order_refund_required}) {
    auto row = row_of(type, 1);
    row.payload = "{}";
    auto data = cloud_event(render(row, &sale))["data"];
    EXPECT_FALSE(data.contains("client_hash") || data.contains("payment")) << data;
    row.client_hash = std::string(32, 'a');
    row.card_hash = std::string(32, 'b');
    data = cloud_event(render(row, &sale))["data"];
    EXPECT_EQ(data["client_hash"], row.client_hash);
    EXPECT_EQ(data["payment"], (Json{{"card_hash", row.card_hash}}));
    row.order.reset();
    EXPECT_EQ(cloud_event(render(row, &sale))["data"]["payment"]["card_hash"], row.card_hash);
  }
}

TEST(EventTest, AnOrdersEventIsACloudEvent) {
  const auto sale = sale_of_shoes();
  const auto row = row_of(EventType::order_confirmed, 2);
  const auto json = cloud_event(render(row, &sale));
  const auto id = row.order_id->to_string();
  EXPECT_EQ(json["specversion"], "1.0");
  EXPECT_EQ(json["id"], id + "/2");
  EXPECT_EQ(json["source"], "/shop");
  EXPECT_EQ(json["type"], "flashsale.order.confirmed");
  EXPECT_EQ(json["subject"], id);
  EXPECT_EQ(json["partitionkey"], id);
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(json["sequence"], "00000000000000000042");
  EXPECT_EQ(json["datacontenttype"], "application/json");
  EXPECT_EQ(json["dataschema"], "urn:flashsaled:schema:order.confirmed:1");
  EXPECT_EQ(json["data"]["customer_id"], "jane");
  EXPECT_EQ(json["data"]["sale_id"], "drop \"1\"");
  EXPECT_EQ(json["data"]["total"]["amount"], 3998);
  EXPECT_EQ(json["data"]["status"], "confirmed");
}

TEST(EventTest, ARefundNamesThePayment) {
  const auto sale = sale_of_shoes();
  auto row = row_of(EventType::order_refund_required, 3);
  row.order->refund_required = true;
  row.payload =
      R"({"order_id":"x","status":4,"payment_id":"p-1","paid":{"amount":5,"currency":"EUR"},"reason":"late"})";
  const auto json = cloud_event(render(row, &sale));
  EXPECT_EQ(json["data"]["status"], "expired");
  EXPECT_EQ(json["data"]["refund_required"], true);
  EXPECT_EQ(json["data"]["refund"]["payment_id"], "p-1");
  EXPECT_EQ(json["data"]["refund"]["amount"]["amount"], 5);
  EXPECT_EQ(json["data"]["refund"]["reason"], "late");
}

TEST(EventTest, MoneyForAnOrderThatIsNotThereIsTold) {
  auto row = row_of(EventType::order_refund_required, 1);
  const auto id = row.order_id->to_string();
  row.order.reset();
  row.order_id.reset();
  row.payload = R"({"order_id":")" + id +
                R"(","status":0,"payment_id":"p","paid":{"amount":5,"currency":"EUR"},"reason":"unknown_order"})";
  const auto json = cloud_event(render(row, nullptr));
  EXPECT_EQ(json["id"], id + "/refund/p");
  EXPECT_EQ(json["subject"], id);
  EXPECT_EQ(json["data"]["id"], id);
  EXPECT_EQ(json["data"]["refund"]["amount"]["currency"], "EUR");
}

TEST(EventTest, ARefusalHasTheLinesOfItsTry) {
  const auto sale = sale_of_shoes();
  auto row = row_of(EventType::order_rejected, 1);
  row.order->status = OrderStatus::rejected;
  row.order->reason = "sold_out";
  row.payload = R"({"created_at":"2023-11-14T22:13:00Z","lines":[{"item_no":3,"quantity":9}]})";
  const auto json = cloud_event(render(row, &sale));
  EXPECT_EQ(json["data"]["quantity"], 9);
  EXPECT_EQ(json["data"]["created_at"], "2023-11-14T22:13:00.000000Z");
  EXPECT_EQ(json["data"]["reason"], "sold_out");
}

TEST(EventTest, AnOrderWhoseRowHasGoneIsToldByItsId) {
  const auto sale = sale_of_shoes();
  auto row = row_of(EventType::order_cancelled, 2);
  row.order.reset();
  const auto json = cloud_event(render(row, &sale));
  EXPECT_EQ(json["data"]["id"], row.order_id->to_string());
  EXPECT_EQ(json["data"]["status"], "cancelled");
  // Nor one that the sale has not got the items of.
  auto other = row_of(EventType::order_cancelled, 2);
  other.order->lines = {{99, 1}};
  EXPECT_EQ(cloud_event(render(other, &sale))["data"]["status"], "cancelled");
}

TEST(EventTest, ASaleIsItsOwnSubject) {
  const auto sale = sale_of_shoes();
  postgres::EventRow row;
  row.position = 1;
  row.type = EventType::sale_sold_out;
  row.sale_no = 7;
  row.change_no = 4;
  row.payload = R"({"id":"drop \"1\"","state":"open"})";
  const auto json = cloud_event(render(row, &sale));
  EXPECT_EQ(json["subject"], "drop \"1\"");
  EXPECT_EQ(json["id"], "drop \"1\"/4");
  EXPECT_EQ(json["partitionkey"], "drop \"1\"");
  EXPECT_EQ(json["data"]["state"], "open");
}

TEST(EventTest, OtherEventsHaveIdsOfTheirRows) {
  postgres::EventRow row;
  row.type = EventType::customer_erased;
  row.sale_no = 7;
  row.row_no = 12;
  row.payload = R"({"customer_id":"jane","pseudonym":"erased-x"})";
  const auto event = render(row, nullptr);
  EXPECT_EQ(event.id, "erased-x/7-12");
  EXPECT_EQ(event.subject, "erased-x");
}

TEST(EventTest, EachTypeHasANameThatLeadsBack) {
  for (const int number : {1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22}) {
    const auto type = static_cast<EventType>(number);
    EXPECT_EQ(parse_event_type(to_string(type)), type);
  }
  EXPECT_FALSE(parse_event_type("flashsale.order.pending"));
}

TEST(EventTest, ABrokenPayloadHarmsNobody) {
  const auto sale = sale_of_shoes();
  for (const char* payload : {"", "[]", "{", R"({"status":"x","paid":7,"lines":{}})", R"({"lines":[1,2]})"}) {
    for (const auto type : {EventType::order_rejected, EventType::order_refund_required}) {
      auto row = row_of(type, 1);
      row.payload = payload;
      std::string text;
      append_cloud_event(text, render(row, &sale), "/");
      EXPECT_TRUE(Json::accept(text)) << text;
    }
  }
}

}  // namespace
}  // namespace flashsale::events
