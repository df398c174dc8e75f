#include "outbound/trace_document.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace flashsale::outbound {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using telemetry::BatchTrace;
using telemetry::KeptTrace;
using telemetry::TraceTime;

const TraceTime kBegin = TraceTime{} + 1000h;

/// An order that went all the way, a millisecond for each step.
KeptTrace committed() {
  KeptTrace kept;
  kept.method = "POST";
  kept.route = "/v1/sales/{sale_id}/orders";
  kept.path = "/v1/sales/s/orders";
  kept.request_id = "shop-1";
  kept.status = 201;
  kept.began = kBegin;
  kept.ended = kBegin + 8ms;
  kept.trace.context = {telemetry::make_trace_id(), telemetry::make_span_id(), true};
  kept.trace.parent = 0xb7;
  kept.trace.kept_for = telemetry::KeptFor::flag;
  kept.trace.parsed_at = kBegin + 1ms;
  auto& order = kept.trace.order;
  order.placed_at = kBegin + 2ms;
  order.decided_at = kBegin + 4ms;
  order.outcome = "committed";
  BatchTrace reservation;
  reservation.began = kBegin + 3ms;
  reservation.ended = kBegin + 4ms;
  order.reservation = std::make_shared<BatchTrace>(reservation);
  BatchTrace writing;
  writing.kind = BatchTrace::Kind::writing;
  writing.orders = 7;
  writing.began = kBegin + 5ms;
  writing.ended = kBegin + 7ms;
  order.writing = std::make_shared<BatchTrace>(writing);
  return kept;
}

json document_of(TraceDocument& document) { return json::parse(document.take_text()); }

std::map<std::string, json> spans_of(TraceDocument& document) {
  std::map<std::string, json> spans;
  const auto text = document_of(document);
  for (const auto& span : text["resourceSpans"][0]["scopeSpans"][0]["spans"]) {
    spans[span["name"].get<std::string>()] = span;
  }
  return spans;
}

std::string value_of(const json& span, const std::string& key) {
  for (const auto& attribute : span["attributes"]) {
    if (attribute["key"] == key) return attribute["value"].begin()->get<std::string>();
  }
  return "none";
}

long long microseconds(const json& span) {
  return (std::stoll(span["endTimeUnixNano"].get<std::string>()) -
          std::stoll(span["startTimeUnixNano"].get<std::string>())) /
         1000;
}

TEST(TraceDocumentTest, SaysWhoseSpansTheyAre) {
  TraceDocument document({"flash", "host/1"});
  const auto text = document_of(document);
  const json& resource = text["resourceSpans"][0]["resource"];
  EXPECT_EQ(value_of(resource, "service.name"), "flash");
  EXPECT_EQ(value_of(resource, "service.instance.id"), "host/1");
  EXPECT_EQ(value_of(resource, "service.version"), FLASHSALE_VERSION);
}

TEST(TraceDocumentTest, ARequestIsASpanOfTheServer) {
  TraceDocument document({"flash", "host/1"});
  const auto kept = committed();
  document.add(kept);
  auto spans = spans_of(document);
  const auto& server = spans["POST /v1/sales/{sale_id}/orders"];
  EXPECT_EQ(server["traceId"], to_string(kept.trace.context.trace_id));
  EXPECT_EQ(server["spanId"], telemetry::span_text(kept.trace.context.span_id));
  EXPECT_EQ(server["parentSpanId"], "00000000000000b7");
  EXPECT_EQ(server["kind"], 2);
  EXPECT_FALSE(server.contains("status"));
  EXPECT_EQ(value_of(server, "http.request.method"), "POST");
  EXPECT_EQ(value_of(server, "http.response.status_code"), "201");
  EXPECT_EQ(value_of(server, "flashsale.kept_for"), "flag");
  EXPECT_EQ(value_of(server, "flashsale.outcome"), "committed");
  EXPECT_EQ(value_of(server, "flashsale.waited_ms"), "none");
  EXPECT_EQ(microseconds(server), 8000);
}

TEST(TraceDocumentTest, SaysHowLongARequestWaitedByItsClientsWish) {
  TraceDocument document({"flash", "host/1"});
  auto kept = committed();
  kept.trace.waited = 5ms;
  document.add(kept);
  EXPECT_EQ(value_of(spans_of(document)["POST /v1/sales/{sale_id}/orders"], "flashsale.waited_ms"), "5");
}

TEST(TraceDocumentTest, AnOrdersStepsStandBelowIt) {
  TraceDocument document({"flash", "host/1"});
  const auto kept = committed();
  document.add(kept);
  auto spans = spans_of(document);
  const auto of_request = telemetry::span_text(kept.trace.context.span_id);
  const std::map<std::string, long long> took{{"parse", 1000},        {"permit", 1000},
                                              {"reservation", 2000},  {"reservation wait", 1000},
                                              {"journal wait", 1000}, {"commit", 2000}};
  EXPECT_EQ(spans.size(), took.size() + 1);
  for (const auto& [name, time] : took) {
    EXPECT_EQ(microseconds(spans[name]), time) << name;
    EXPECT_EQ(spans[name]["traceId"], to_string(kept.trace.context.trace_id));
    EXPECT_EQ(spans[name]["parentSpanId"],
              name == "reservation wait" ? spans["reservation"]["spanId"] : json(of_request));
  }
  EXPECT_EQ(spans["reservation"]["links"][0]["spanId"],
            telemetry::span_text(kept.trace.order.reservation->context.span_id));
  EXPECT_EQ(spans["commit"]["links"][0]["traceId"], to_string(kept.trace.order.writing->context.trace_id));
}

TEST(TraceDocumentTest, ABatchNamesItsOrders) {
  TraceDocument document({"flash", "host/1"});
  const auto kept = committed();
  document.add(*kept.trace.order.writing, {kept.trace.context});
  auto spans = spans_of(document);
  const auto& batch = spans["write orders"];
  EXPECT_EQ(batch["kind"], 3);
  EXPECT_EQ(value_of(batch, "flashsale.orders"), "7");
  EXPECT_EQ(value_of(batch, "db.system.name"), "postgresql");
  EXPECT_EQ(batch["links"].size(), 1U);
  EXPECT_EQ(batch["links"][0]["spanId"], telemetry::span_text(kept.trace.context.span_id));
  EXPECT_FALSE(batch.contains("parentSpanId"));
}

TEST(TraceDocumentTest, AFailureIsOne) {
  TraceDocument document({"flash", "host/1"});
  auto kept = committed();
  kept.status = 503;
  kept.trace.parent = 0;
  auto reservation = std::make_shared<BatchTrace>(*kept.trace.order.reservation);
  reservation->has_failed = true;
  kept.trace.order.reservation = reservation;
  kept.trace.order.writing = nullptr;
  document.add(kept);
  auto spans = spans_of(document);
  const auto& server = spans["POST /v1/sales/{sale_id}/orders"];
  EXPECT_FALSE(server.contains("parentSpanId"));
  EXPECT_EQ(server["status"]["code"], 2);
  EXPECT_EQ(value_of(server, "error.type"), "503");
  EXPECT_EQ(spans["reservation"]["status"]["code"], 2);
  EXPECT_FALSE(spans.contains("commit"));
}

TEST(TraceDocumentTest, WhatComesAfterTheAnswerIsTheOrderAlone) {
  TraceDocument document({"flash", "host/1"});
  auto kept = committed();
  kept.is_late = true;
  document.add(kept);
  auto spans = spans_of(document);
  EXPECT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans["commit"]["parentSpanId"], telemetry::span_text(kept.trace.context.span_id));
  EXPECT_TRUE(spans.contains("journal wait"));
}

TEST(TraceDocumentTest, ARequestWithoutAnOrderHasNoStepsOfOne) {
  TraceDocument document({"flash", "host/1"});
  auto kept = committed();
  kept.trace.order = {};
  document.add(kept);
  EXPECT_EQ(spans_of(document).size(), 2U);
}

TEST(TraceDocumentTest, APathIsBoundedAndBytesThatAreNoTextDoNoHarm) {
  TraceDocument document({"flash", "host/1"});
  auto kept = committed();
  kept.path = std::string(5000, 'x');
  kept.request_id = "\xff\xfe";
  document.add(kept);
  auto spans = spans_of(document);
  EXPECT_EQ(value_of(spans["POST /v1/sales/{sale_id}/orders"], "url.path").size(), 256U);
}

}  // namespace
}  // namespace flashsale::outbound
