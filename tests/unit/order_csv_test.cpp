#include "api/order_csv.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace flashsale::api {
namespace {

std::string field(std::string_view text) {
  std::string out;
  append_csv_text(out, text);
  return out;
}

TEST(OrderCsv, QuotesOnlyWhereItMust) {
  EXPECT_EQ(field(""), "");
  EXPECT_EQ(field("alice"), "alice");
  EXPECT_EQ(field("Müller & Söhne: 'x'"), "Müller & Söhne: 'x'");
  EXPECT_EQ(field("a;b"), "\"a;b\"");
  EXPECT_EQ(field("a\tb"), "\"a\tb\"");
  EXPECT_EQ(field("a,b"), "\"a,b\"");
  EXPECT_EQ(field("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(field("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(field("two\r\nlines"), "\"two\r\nlines\"");
  EXPECT_EQ(field("\""), "\"\"\"\"");
}

TEST(OrderCsv, TheScoreIsAColumnForWhoAsks) {
  Sale sale;
  sale.id = "drop";
  Order order;
  order.customer_id = "alice";
  order.lines = {{1, 1}, {2, 1}};
  const BehaviourScores scores{{"alice", 90}};
  std::string out;
  append_order_csv(out, order, sale, &scores);
  order.customer_id = "bob";
  append_order_csv(out, order, sale, &scores);
  std::vector<std::string_view> ends;
  for (std::size_t at = 0; at < out.size(); at = out.find("\r\n", at) + 2) {
    const auto line = std::string_view(out).substr(at, out.find("\r\n", at) - at);
    EXPECT_EQ(std::ranges::count(line, ','), std::ranges::count(kOrderCsvHeader, ',') + 1);
    ends.push_back(line.substr(line.rfind(',')));
  }
  EXPECT_EQ(ends, (std::vector<std::string_view>{",90", ",90", ",", ","}));
}

TEST(OrderCsv, NoFieldIsAFormula) {
  EXPECT_EQ(field("=1+1"), "'=1+1");
  EXPECT_EQ(field("+49 30"), "'+49 30");
  EXPECT_EQ(field("-1"), "'-1");
  EXPECT_EQ(field("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(field("\t=1"), "\"'\t'=1\"");
  EXPECT_EQ(field("\r=1"), "\"'\r'=1\"");
  for (const std::string space : {" ", "  ", "\u00A0", "\u200B", "\u3000", "\uFEFF"}) {
    EXPECT_EQ(field(space + "=1"), "'" + space + "=1");
  }
  for (const std::string sign : {"\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"})
    EXPECT_EQ(field(sign + "1"), "'" + sign + "1");
  EXPECT_EQ(field("=HYPERLINK(\"http://x\",\"y\")"), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
  EXPECT_EQ(field("a=1"), "a=1");
}

/// What a reader takes for its cells who knows quotes at the begin of a cell only, as spreadsheets do.
std::vector<std::string> cells(std::string_view row, char separator) {
  std::vector<std::string> found(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool doubled = is_quoted && row.substr(i).starts_with("\"\"");
    if (doubled) found.back() += row[i++];
    else if (row[i] == '"' && (is_quoted || found.back().empty())) is_quoted = !is_quoted;
    else if (!is_quoted && (row[i] == separator || row[i] == '\n' || row[i] == '\r')) found.emplace_back();
    else found.back() += row[i];
  }
  return found;
}

TEST(OrderCsv, NoCellIsAFormulaWhateverSeparatesThem) {
  for (const char* before : {"x;", "x\t", "x\n", "x\r\n", "x; ", "x;\"", "x;\" \"", "a,b;", "", " ", "\"", "\";"}) {
    for (const char* sign : {"=", "+", "-", "@", "\uFF1D"}) {
      const std::string row = "id,drop," + field(std::string(before) + sign + "cmd|' /C calc'!A0") + ",sku";
      for (const char separator : {';', '\t'}) {
        for (std::string cell : cells(row, separator)) {
          cell.erase(0, cell.find_first_not_of(" \""));
          EXPECT_FALSE(cell.starts_with(sign)) << row << " is read as " << cell;
        }
      }
      // One apostrophe more, and nothing else.
      auto text = cells(row, ',').at(2);
      text.erase(text.find('\''), 1);
      EXPECT_EQ(text, std::string(before) + sign + "cmd|' /C calc'!A0");
    }
  }
  EXPECT_EQ(field("x;=cmd"), "\"x;'=cmd\"");
  EXPECT_EQ(field("auth0|-a"), "auth0|-a");
}

class OrderCsvRow : public testing::Test {
 protected:
  OrderCsvRow() {
    sale_.id = "drop";
    sale_.items = {{.item_no = 7, .sku = "sneaker-42", .name = {}, .price = {12'999, "EUR"}},
                   {.item_no = 9, .sku = "laces", .name = {}, .price = {499, "EUR"}}};
    order_.id = *OrderId::parse("5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11");
    order_.customer_id = "alice";
    order_.lines = {{7, 3}};
    order_.status = OrderStatus::confirmed;
    order_.created_at = *parse_rfc3339("2026-11-27T17:00:00.412345Z");
  }
  [[nodiscard]] std::string row() const {
    std::string out;
    append_order_csv(out, order_, sale_);
    return out;
  }
  Sale sale_;
  Order order_;
};

TEST_F(OrderCsvRow, HasEveryColumn) {
  EXPECT_EQ(row(),
            "5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11,drop,alice,sneaker-42,3,12999,EUR,38997,confirmed,"
            "2026-11-27T17:00:00.412345Z,,\r\n");
  const std::string text = row();
  EXPECT_EQ(std::ranges::count(text, ','), std::ranges::count(kOrderCsvHeader, ','));
}

TEST_F(OrderCsvRow, IsOneForEachLine) {
  order_.lines = {{7, 3}, {9, 2}};
  EXPECT_EQ(row(),
            "5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11,drop,alice,sneaker-42,3,12999,EUR,38997,confirmed,"
            "2026-11-27T17:00:00.412345Z,,\r\n"
            "5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11,drop,alice,laces,2,499,EUR,998,confirmed,"
            "2026-11-27T17:00:00.412345Z,,\r\n");
}

TEST_F(OrderCsvRow, WithWhatOnlySomeHave) {
  order_.status = OrderStatus::cancelled;
  order_.expires_at = *parse_rfc3339("2026-11-27T17:10:00Z");
  order_.reason = "called, \"please\"";
  EXPECT_TRUE(
      row().ends_with(",cancelled,2026-11-27T17:00:00.412345Z,2026-11-27T17:10:00.000000Z,"
                      "\"called, \"\"please\"\"\"\r\n"));
}

}  // namespace
}  // namespace flashsale::api
