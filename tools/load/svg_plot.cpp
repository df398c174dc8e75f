#include "svg_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "flashsale/model/html_text.hpp"

namespace flashsale::load {
namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 320;
constexpr double kLeft = 70;
constexpr double kRight = 150;  // the legend's
constexpr double kTop = 34;
constexpr double kBottom = 46;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string coordinate(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

/// From values to places on one axis.
class Scale {
 public:
  Scale(double low, double high, double from, double to, bool is_log)
      : low_(map(low, is_log)), high_(map(high, is_log)), from_(from), to_(to), is_log_(is_log) {
    if (high_ <= low_) high_ = low_ + 1;
  }
  [[nodiscard]] double at(double value) const {
    return from_ + (map(value, is_log_) - low_) / (high_ - low_) * (to_ - from_);
  }

 private:
  static double map(double value, bool is_log) { return is_log ? std::log10(value) : value; }

  double low_;
  double high_;
  double from_;
  double to_;
  bool is_log_;
};

struct Range {
  double low = 0;
  double high = 0;
  bool is_empty = true;

  void include(double value) {
    low = is_empty ? value : std::min(low, value);
    high = is_empty ? value : std::max(high, value);
    is_empty = false;
  }
};

std::vector<Tick> linear_ticks(double max) {
  std::vector<Tick> ticks;
  for (const double at : round_ticks(max)) ticks.push_back({at, number(at)});
  return ticks;
}

/// Powers of ten around the range, so that the axis begins and ends with one.
std::vector<Tick> log_ticks(const Range& range) {
  std::vector<Tick> ticks;
  const double low = range.is_empty ? 0 : std::floor(std::log10(range.low));
  const double high = range.is_empty ? 1 : std::ceil(std::log10(range.high));
  for (double power = low; power <= std::max(high, low + 1); ++power) {
    ticks.push_back({std::pow(10, power), number(std::pow(10, power))});
  }
  return ticks;
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text) {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + std::string(anchor) + "\">" +
         escape_html(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  return "<line class=\"" + std::string(css_class) + "\" x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) +
         "\" x2=\"" + coordinate(x2) + "\" y2=\"" + coordinate(y2) + "\"/>\n";
}

class Drawing {
 public:
  explicit Drawing(const Plot& plot)
      : plot_(plot),
        x_ticks_(plot.x_ticks.empty() ? linear_ticks(range_of(true).high) : plot.x_ticks),
        y_ticks_(plot.is_log_y ? log_ticks(range_of(false)) : linear_ticks(range_of(false).high)),
        x_(x_ticks_.front().at, x_ticks_.back().at, kLeft, kWidth - kRight, false),
        y_(y_ticks_.front().at, y_ticks_.back().at, kHeight - kBottom, kTop, plot.is_log_y) {}

  [[nodiscard]] std::string draw() const {
    std::string out = "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) + "\" role=\"img\" aria-label=\"" +
                      escape_html(plot_.title) + "\">\n";
    out += axes();
    for (std::size_t i = 0; i < plot_.series.size(); ++i) out += line_of(plot_.series[i]) + legend_of(i);
    return out + "</svg>\n";
  }

 private:
  [[nodiscard]] bool is_shown(const std::pair<double, double>& point) const {
    return !plot_.is_log_y || point.second > 0;
  }

  [[nodiscard]] Range range_of(bool x) const {
    Range range;
    for (const Series& series : plot_.series) {
      for (const auto& point : series.points) {
        if (is_shown(point)) range.include(x ? point.first : point.second);
      }
    }
    return range;
  }

  [[nodiscard]] std::string axes() const {
    std::string out = "<g class=\"title\">" + text_at(kLeft, 18, "start", plot_.title) + "</g>\n";
    for (const Tick& tick : y_ticks_) {
      out += line(kLeft, y_.at(tick.at), kWidth - kRight, y_.at(tick.at), "grid");
      out += text_at(kLeft - 6, y_.at(tick.at) + 4, "end", tick.label);
    }
    for (const Tick& tick : x_ticks_) {
      out += line(x_.at(tick.at), kHeight - kBottom, x_.at(tick.at), kHeight - kBottom + 5, "axis");
      out += text_at(x_.at(tick.at), kHeight - kBottom + 18, "middle", tick.label);
    }
    out += line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "axis");
    out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", plot_.x_label);
    return out + text_at(kLeft - 6, 18, "end", plot_.y_label);
  }

  [[nodiscard]] std::string line_of(const Series& series) const {
    std::string points;
    for (const auto& point : series.points) {
      if (is_shown(point)) points += coordinate(x_.at(point.first)) + "," + coordinate(y_.at(point.second)) + " ";
    }
    return "<polyline stroke=\"" + series.color + "\" points=\"" + points + "\"/>\n";
  }

  [[nodiscard]] std::string legend_of(std::size_t place) const {
    const Series& series = plot_.series[place];
    const double y = kTop + 8 + 18 * static_cast<double>(place);
    const double x = kWidth - kRight + 14;
    return "<rect x=\"" + coordinate(x) + "\" y=\"" + coordinate(y - 5) + "\" width=\"14\" height=\"4\" fill=\"" +
           series.color + "\"/>\n" + text_at(x + 20, y + 2, "start", series.name);
  }

  const Plot& plot_;
  std::vector<Tick> x_ticks_;
  std::vector<Tick> y_ticks_;
  Scale x_;
  Scale y_;
};

}  // namespace

std::vector<double> round_ticks(double max) {
  constexpr double kTicks = 5;
  if (!(max > 0)) return {0, 1};
  const double rough = max / kTicks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double fraction = rough / power;
  const double step = power * (fraction <= 1 ? 1 : fraction <= 2 ? 2 : fraction <= 5 ? 5 : 10);
  std::vector<double> ticks;
  for (double at = 0; ticks.empty() || ticks.back() < max; at += step) ticks.push_back(at);
  return ticks;
}

std::string svg_plot(const Plot& plot) { return Drawing(plot).draw(); }

}  // namespace flashsale::load
