#include "report_json.hpp"

#include <nlohmann/json.hpp>

namespace flashsale::load {
namespace {

using Json = nlohmann::ordered_json;

Json counters_of(const Counters& counters) {
  Json json;
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (outcome != Outcome::done) json[std::string(to_string(outcome))] = counters.checkouts(outcome);
  }
  json["refused_by_reason"] = Json::object();
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (counters.refusals[i] > 0) json["refused_by_reason"][std::string(kReasons[i])] = counters.refusals[i];
  }
  Json& kinds = json["by_kind"] = Json::object();
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    Json& outcomes = kinds[std::string(to_string(static_cast<Kind>(kind)))] = Json::object();
    for (std::size_t i = 0; i < kOutcomes; ++i) {
      const std::uint64_t count = counters.by_kind[kind][i];
      if (count > 0) outcomes[std::string(to_string(static_cast<Outcome>(i)))] = count;
    }
  }
  return json;
}

Json payments_of(const Result& result) {
  Json json{{"messages", result.payment_messages}};
  for (std::size_t i = 0; i < kPaymentOutcomes; ++i) {
    json[std::string(to_string(static_cast<PaymentOutcome>(i)))] = result.total.payments[i];
  }
  json["repeated"] = result.total.payments_repeated;
  return json;
}

Json latencies_of(const Result& result) {
  Json json = Json::object();
  for (std::size_t i = 0; i < kGroups; ++i) {
    const Histogram& latency = result.latencies[i];
    if (latency.count() == 0) continue;
    const auto us = [&](double percent) { return static_cast<double>(latency.percentile(percent)) / 1e3; };
    json[std::string(to_string(static_cast<Group>(i)))] = {{"count", latency.count()},
                                                           {"mean", latency.mean() / 1e3},
                                                           {"p50", us(50)},
                                                           {"p90", us(90)},
                                                           {"p99", us(99)},
                                                           {"p99.9", us(99.9)},
                                                           {"p99.99", us(99.99)},
                                                           {"max", static_cast<double>(latency.max()) / 1e3}};
  }
  return json;
}

Json seconds_of(const Result& result) {
  Json json = Json::array();
  for (const MergedInterval& interval : result.seconds) {
    Json second;
    for (std::size_t i = 0; i < kGroups; ++i) {
      second[std::string(to_string(static_cast<Group>(i)))] = interval.by_group[i];
    }
    second["not_sent"] = interval.not_sent;
    second["waiting"] = interval.waiting;
    second["in_flight"] = interval.in_flight;
    second["order_p50_us"] = static_cast<double>(interval.order_p50_ns) / 1e3;
    second["order_p99_us"] = static_cast<double>(interval.order_p99_ns) / 1e3;
    json.push_back(std::move(second));
  }
  return json;
}

Json check_of(const Result& result) {
  if (!result.verdict) return nullptr;
  const Verdict& verdict = *result.verdict;
  Json json{
      {"passed", verdict.passed()},           {"keys", verdict.keys},  {"keys_with_order", verdict.keys_with_order},
      {"keys_unknown", verdict.keys_unknown}, {"rows", verdict.rows},  {"settled", result.has_settled},
      {"settled_s", result.settled_s},        {"lies", Json::object()}};
  for (std::size_t i = 0; i < kLies; ++i) {
    const Verdict::Finding& finding = verdict.findings[i];
    if (finding.count == 0) continue;
    json["lies"][std::string(to_string(static_cast<Lie>(i)))] = {{"count", finding.count},
                                                                 {"samples", finding.samples}};
  }
  return json;
}

}  // namespace

std::string report_json(const Result& result) {
  const auto created = result.in_time.checkouts(Outcome::created);
  const auto accepted = created + result.in_time.checkouts(Outcome::accepted);
  const Json json{{"loop", loop_of(result.options)},
                  {"sale", result.sale_id},
                  {"seed", result.seed},
                  {"started_at", result.started_at},
                  {"seconds", result.load_s},
                  {"accepted_per_s", result.rate(accepted)},
                  {"committed_per_s", result.rate(created)},
                  {"refused_per_s", result.rate(result.in_time.checkouts(Outcome::refused))},
                  {"requests_sent", result.total.requests_sent},
                  {"client_cpu_s", result.client_cpu_s},
                  {"client_cpu_us_per_answer", result.client_cpu_us_per_answer()},
                  {"duplicates_overlapping", result.total.duplicates_overlapping},
                  {"buyers_used_again", result.total.buyers_used_again},
                  {"connections_opened", result.total.connections_opened},
                  {"checkouts", counters_of(result.total)},
                  {"checkouts_in_time", counters_of(result.in_time)},
                  {"payments", payments_of(result)},
                  {"latency_us", latencies_of(result)},
                  {"by_second", seconds_of(result)},
                  {"check", check_of(result)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace flashsale::load
