#include "insight_exporter.hpp"

#include <charconv>
#include <utility>
#include <vector>

#include "flashsale/app/settings.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::app {
namespace {

constexpr std::uint32_t kConnectionsMax = 64;

http::Options options_of(std::string_view listen) {
  const auto colon = listen.rfind(':');
  http::Options options{.name = "insight"};
  const auto fail = [&]() -> http::Options { throw SettingsError("--listen takes ADDRESS:PORT"); };
  if (colon == std::string_view::npos || colon == 0) return fail();
  auto address = listen.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const auto port = listen.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error != std::errc{} || end != port.data() + port.size()) return fail();
  options.address = address;
  options.connections_max = kConnectionsMax;
  return options;
}

}  // namespace

InsightExporter::InsightExporter(const std::string& listen, std::function<void()> stop) {
  if (!listen.empty()) serve(listen);
  signals_.async_wait([stop = std::move(stop)](const boost::system::error_code& error, int number) {
    if (error) return;
    telemetry::log_info("stopping", {{"signal", number}});
    stop();
  });
  thread_ = std::thread([this] { context_.run(); });
}

InsightExporter::~InsightExporter() {
  context_.stop();
  thread_.join();
}

void InsightExporter::answer_metrics(api::Exchange& exchange) {
  auto body = metrics_.serialize();
  {
    const std::lock_guard lock(mutex_);
    body += text_;
  }
  exchange.reply({200, "text/plain; version=0.0.4; charset=utf-8", body, {}});
}

void InsightExporter::serve(const std::string& listen) {
  const auto options = options_of(listen);
  routes_.push_back({api::Method::get, "/metrics", [this](api::Exchange& exchange) { answer_metrics(exchange); }});
  routes_.push_back({api::Method::get, "/livez", [](api::Exchange& exchange) {
                       exchange.reply({200, "application/json", R"({"status":"ok"})", {}});
                     }});
  const std::vector<http::Worker> workers{{&context_, &routes_}};
  server_ = std::make_unique<http::Server>(options, workers, metrics_);
  if (const auto error = server_->listen()) throw SettingsError("cannot listen on " + listen + ": " + error.message());
  telemetry::log_info("listening", {{"listener", "insight"}, {"address", options.address}, {"port", server_->port()}});
}

void InsightExporter::show(std::string text) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
}

}  // namespace flashsale::app
