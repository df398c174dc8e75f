#pragma once
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string>

namespace flashsale::load {

/// A line of a report, of 255 bytes at most: std::format is missing here.
[[gnu::format(printf, 2, 3)]] inline void append_format(std::string& out, const char* format, ...) {
  char text[256];
  std::va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  out.append(text, std::min(static_cast<std::size_t>(size), sizeof text - 1));
}

}  // namespace flashsale::load
