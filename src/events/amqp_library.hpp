#pragma once
// rabbitmq-c by its newer and its older names.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace flashsale::events {

/// A view of `text`, which is not written to.
[[nodiscard]] inline amqp_bytes_t amqp_view(std::string_view text) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the library's type has no const
  return {.len = text.size(), .bytes = const_cast<char*>(text.data())};
}

[[nodiscard]] inline std::string text_of(amqp_bytes_t bytes) {
  return bytes.len == 0 ? std::string() : std::string(static_cast<const char*>(bytes.bytes), bytes.len);
}

[[nodiscard]] inline timeval timeval_of(std::chrono::steady_clock::duration time) {
  using namespace std::chrono;
  const auto us = std::max<std::int64_t>(0, duration_cast<microseconds>(time).count());
  return {.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
}

}  // namespace flashsale::events
