#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flashsale::load {

struct Series {
  std::string name;
  std::string color;
  std::vector<std::pair<double, double>> points;
};

struct Tick {
  double at = 0;
  std::string label;
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  bool is_log_y = false;      ///< points at or below zero are left out
  std::vector<Tick> x_ticks;  ///< empty: round numbers
  std::vector<Series> series;
};

/// An SVG element of line plots with axes and a legend, to stand inside a page. No scripts, nothing from outside.
[[nodiscard]] std::string svg_plot(const Plot& plot);

/// Round numbers from 0 to at least `max`, about five.
[[nodiscard]] std::vector<double> round_ticks(double max);

}  // namespace flashsale::load
