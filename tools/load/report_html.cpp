#include "report_html.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "flashsale/model/html_text.hpp"
#include "report_text.hpp"
#include "svg_plot.hpp"

namespace flashsale::load {
namespace {

// Distinguishable for the colour-blind, by Group: those of Okabe and Ito, for payments those of Tol (muted).
constexpr std::array<const char*, kGroups> kColors{"#009e73", "#56b4e9", "#0072b2", "#e69f00", "#cc79a7",
                                                   "#999999", "#8c6d1f", "#d55e00", "#88ccee", "#aa4499",
                                                   "#117733", "#882255", "#cc6677", "#999933"};
constexpr const char* kNotSentColor = "#000000";

constexpr const char* kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; color: #1a1a1a;
       background: #fff; }
h1 { font-size: 1.5em; margin-bottom: .2em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; } td, th { padding: .2em .9em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; } td.inner { padding-left: 2.4em; color: #444; }
svg { width: 100%; height: auto; margin: 1em 0; } svg text { font: 12px system-ui, sans-serif; fill: #333; }
svg .title text { font-weight: 600; font-size: 14px; } svg .grid { stroke: #e5e5e5; } svg .axis { stroke: #555; }
svg polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.passed { color: #00634a; font-weight: 600; } .failed { color: #b03a00; font-weight: 600; } .note { color: #555; }
)";

std::string with_digits(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string cell(const std::string& text) { return "<td>" + escape_html(text) + "</td>"; }

std::string summary_of(const Result& result) {
  return "<h1>flashsale-load</h1>\n<p>" + escape_html(loop_of(result.options)) + ", " + with_digits(result.load_s, 1) +
         " s, sale " + escape_html(result.sale_id) + ", started " + escape_html(result.started_at) + ", seed " +
         std::to_string(result.seed) + "</p>\n<p class=\"note\">" + with_thousands(result.options.buyers) +
         " buyers; client: " + with_thousands(result.total.requests_sent) + " requests, " +
         with_digits(result.client_cpu_us_per_answer(), 2) + " µs of CPU an answer, " +
         with_thousands(result.total.connections_opened) + " connections opened</p>\n";
}

std::string verdict_of(const Result& result) {
  if (!result.verdict) return "<h2>Check</h2>\n<p>not done</p>\n";
  const Verdict& verdict = *result.verdict;
  std::string out = "<h2>Check</h2>\n<p class=\"";
  out += verdict.passed() ? "passed\">PASSED" : "failed\">FAILED";
  out += "</p>\n<p>" + with_thousands(verdict.keys) + " keys, " + with_thousands(verdict.keys_with_order) +
         " with an order, " + with_thousands(verdict.keys_unknown) + " unknown; " + with_thousands(verdict.rows) +
         " rows in PostgreSQL; audit " + (result.has_settled ? "consistent" : "not settled") + " after " +
         with_digits(result.settled_s, 1) + " s</p>\n";
  for (std::size_t i = 0; i < kLies; ++i) {
    const Verdict::Finding& finding = verdict.findings[i];
    if (finding.count == 0) continue;
    out += "<p class=\"failed\">" + std::string(to_string(static_cast<Lie>(i))) + ": " + with_thousands(finding.count) +
           "</p>\n<ul>\n";
    for (const std::string& sample : finding.samples) out += "<li>" + escape_html(sample) + "</li>\n";
    out += "</ul>\n";
  }
  return out;
}

std::string answers_of(const Result& result) {
  std::string out = "<h2>Answers</h2>\n<table>\n<tr><th>answer</th><th>count</th><th>a second</th></tr>\n";
  for (const AnswerLine& line : answer_lines(result)) {
    out += line.depth > 0 ? "<tr><td class=\"inner\">" : "<tr><td>";
    out += escape_html(line.name) + "</td>" + cell(with_thousands(line.count)) +
           cell(with_digits(result.rate(line.in_time), 1)) + "</tr>\n";
  }
  return out + "</table>\n";
}

std::string latencies_of(const Result& result) {
  std::string out =
      "<h2>Latency, ms</h2>\n<table>\n<tr><th>answer</th><th>count</th><th>p50</th><th>p90</th><th>p99</th>"
      "<th>p99.9</th><th>max</th></tr>\n";
  for (std::size_t i = 0; i < kGroups; ++i) {
    const Histogram& latency = result.latencies[i];
    if (latency.count() == 0) continue;
    out += "<tr>" + cell(std::string(to_string(static_cast<Group>(i)))) + cell(with_thousands(latency.count()));
    for (const double percent : {50.0, 90.0, 99.0, 99.9}) out += cell(in_ms(latency.percentile(percent)));
    out += cell(in_ms(latency.max())) + "</tr>\n";
  }
  return out + "</table>\n<p class=\"note\">" +
         (result.options.rate_per_s > 0 ? "From the moment at which the request was due." : "From sending.") + "</p>\n";
}

std::string plot_of_answers(const Result& result) {
  Plot plot{.title = "Answers in each second", .x_label = "s", .y_label = "1/s", .x_ticks = {}, .series = {}};
  for (std::size_t group = 0; group <= kGroups; ++group) {
    const bool is_not_sent = group == kGroups;
    Series series{is_not_sent ? "not sent" : std::string(to_string(static_cast<Group>(group))),
                  is_not_sent ? kNotSentColor : kColors[group],
                  {}};
    std::uint64_t sum = 0;
    for (std::size_t second = 0; second < result.seconds.size(); ++second) {
      const MergedInterval& interval = result.seconds[second];
      const std::uint64_t count = is_not_sent ? interval.not_sent : interval.by_group[group];
      sum += count;
      series.points.emplace_back(static_cast<double>(second + 1), static_cast<double>(count));
    }
    if (sum > 0) plot.series.push_back(std::move(series));
  }
  return svg_plot(plot);
}

std::string plot_of_order_latency(const Result& result) {
  Plot plot{.title = "Latency of accepted orders in each second",
            .x_label = "s",
            .y_label = "ms",
            .is_log_y = true,
            .x_ticks = {},
            .series = {{"p50", kColors[2], {}}, {"p99", kColors[7], {}}}};
  for (std::size_t second = 0; second < result.seconds.size(); ++second) {
    const MergedInterval& interval = result.seconds[second];
    const auto x = static_cast<double>(second + 1);
    plot.series[0].points.emplace_back(x, static_cast<double>(interval.order_p50_ns) / 1e6);
    plot.series[1].points.emplace_back(x, static_cast<double>(interval.order_p99_ns) / 1e6);
  }
  return svg_plot(plot);
}

/// Percentiles with as much room for the last thousandth as for the first nine tenths.
std::string plot_of_distribution(const Result& result) {
  constexpr double kNinesMax = 5;
  Plot plot{.title = "Latency by percentile",
            .x_label = "percentile",
            .y_label = "ms",
            .is_log_y = true,
            .x_ticks = {{0, "0"}, {1, "90"}, {2, "99"}, {3, "99.9"}, {4, "99.99"}, {kNinesMax, "99.999"}},
            .series = {}};
  for (std::size_t group = 0; group < kGroups; ++group) {
    const Histogram& latency = result.latencies[group];
    if (latency.count() == 0) continue;
    Series series{std::string(to_string(static_cast<Group>(group))), kColors[group], {}};
    // No further than there are values to tell by.
    const double nines_max = std::min(kNinesMax, std::log10(static_cast<double>(latency.count())));
    for (double nines = 0; nines <= nines_max; nines += 0.05) {
      const double percent = 100 * (1 - std::pow(10, -nines));
      series.points.emplace_back(nines, static_cast<double>(latency.percentile(percent)) / 1e6);
    }
    plot.series.push_back(std::move(series));
  }
  return svg_plot(plot);
}

}  // namespace

std::string report_html(const Result& result) {
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width\">\n<title>flashsale-load " +
         escape_html(result.sale_id) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n";
  out += summary_of(result) + verdict_of(result) + answers_of(result) + latencies_of(result);
  out += "<h2>Plots</h2>\n" + plot_of_answers(result) + plot_of_order_latency(result) + plot_of_distribution(result);
  return out + "</body>\n</html>\n";
}

}  // namespace flashsale::load
