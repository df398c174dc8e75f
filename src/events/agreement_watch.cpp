#include "flashsale/events/agreement_watch.hpp"

#include "flashsale/telemetry/log.hpp"

namespace flashsale::events {
namespace {

constexpr std::chrono::milliseconds kLookInterval{2000};
constexpr std::chrono::seconds kToldInterval{60};

}  // namespace

AgreementWatch::AgreementWatch(postgres::EventAgreement& agreement, bool leaves_events)
    : agreement_(agreement), leaves_events_(leaves_events), thread_(kLookInterval, [this] { look(); }) {}

void AgreementWatch::look() {
  const auto others = agreement_.look();
  // An old number would be believed.
  others_ = others ? static_cast<double>(*others) : telemetry::kUnknownReading;
  const auto now = std::chrono::steady_clock::now();
  const bool was_told = told_at_ != std::chrono::steady_clock::time_point{} && now < told_at_ + kToldInterval;
  if (!others || *others == 0 || was_told) return;
  told_at_ = now;
  telemetry::log_error("processes have different events.enabled: changes by those that have not are told to nobody",
                       {{"here", leaves_events_ ? "true" : "false"}, {"others", *others}});
}

void AgreementWatch::add_metrics(telemetry::Metrics::Families& families) const {
  prometheus::MetricFamily family;
  family.name = "flashsale_events_disagreeing";
  family.help = "Processes that are connected and have another events.enabled than this one.";
  family.type = prometheus::MetricType::Gauge;
  family.metric.emplace_back().gauge.value = others_;
  families.push_back(std::move(family));
}

}  // namespace flashsale::events
