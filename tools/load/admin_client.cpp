#include "admin_client.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "flashsale/model/time.hpp"
#include "price.hpp"
#include "response_parser.hpp"

namespace flashsale::load {
namespace {

using Json = nlohmann::json;

constexpr time_t kTimeoutS = 60;  // an audit of millions of orders takes seconds

class Socket {
 public:
  explicit Socket(const Target& target) : fd_(::socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{kTimeoutS, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&target.address), target.address_size) != 0) {
      ::close(fd_);
      throw std::runtime_error("nobody listens on the admin address " + target.host);
    }
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the admin listener does not take the request");
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  [[nodiscard]] std::string_view receive(std::vector<char>& buffer) const {
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (size <= 0) throw std::runtime_error("the admin listener does not answer");
    return {buffer.data(), static_cast<std::size_t>(size)};
  }

 private:
  int fd_;
};

Json definition_of(const AdminClient::NewSale& sale) {
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  Json items = Json::array();
  for (unsigned i = 0; i < sale.items; ++i) {
    items.push_back({{"sku", "item-" + std::to_string(i)},
                     {"name", "Item " + std::to_string(i)},
                     {"price", {{"amount", kUnitPrice}, {"currency", kCurrency}}},
                     {"stock", sale.stock},
                     {"limit_per_customer", sale.limit_per_customer}});
  }
  Json definition{
      {"id", sale.id},
      {"name", "Load"},
      {"starts_at", format_rfc3339(sale.starts_at == TimePoint{} ? now - std::chrono::minutes(1) : sale.starts_at)},
      {"ends_at", format_rfc3339(now + std::chrono::hours(24))},
      {"payment", sale.payment_window_s > 0 ? "required" : "none"},
      {"max_orders_per_customer", 1'000'000},  // a few buyers may stand for a crowd
      {"items", std::move(items)}};
  if (sale.payment_window_s > 0) {
    definition["payment_window_s"] = sale.payment_window_s;
    definition["payment_attempts"] = 1;  // a failure that the provider tells of ends the order
  }
  return definition;
}

std::runtime_error unexpected(const std::string& what, unsigned status, const std::string& body) {
  return std::runtime_error(what + " was answered " + std::to_string(status) + ": " + body.substr(0, 300));
}

}  // namespace

AdminClient::Reply AdminClient::call(std::string_view method, const std::string& path, std::string_view body) {
  std::string request = std::string(method) + " " + path + " HTTP/1.1\r\nHost: " + target_.host +
                        "\r\nAuthorization: Bearer " + token_ + "\r\nConnection: close\r\n";
  if (!body.empty()) {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  request += "\r\n";
  request += body;

  const Socket socket(target_);
  socket.send_all(request);
  std::string received;
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    received += socket.receive(buffer);
    const Response response = parse_response(received);
    if (response.state == Response::State::malformed) throw std::runtime_error("the admin listener speaks no HTTP");
    if (response.state == Response::State::complete) return {response.status, std::string(response.body)};
  }
}

void AdminClient::create_sale(const NewSale& sale) {
  const Reply reply = call("POST", "/admin/v1/sales", definition_of(sale).dump());
  if (reply.status != 201) throw unexpected("creating the sale " + sale.id, reply.status, reply.body);
}

void AdminClient::close_sale(std::string_view sale_id) {
  const Reply reply = call("PATCH", "/admin/v1/sales/" + std::string(sale_id), R"({"state":"closed"})");
  // 202: Redis is yet to be told.
  if (reply.status != 200 && reply.status != 202)
    throw unexpected("closing the sale " + std::string(sale_id), reply.status, reply.body);
}

std::vector<Expectation::Item> AdminClient::items_of(std::string_view sale_id) {
  const Reply reply = call("GET", "/admin/v1/sales/" + std::string(sale_id), {});
  if (reply.status != 200) throw unexpected("reading the sale " + std::string(sale_id), reply.status, reply.body);
  try {
    std::vector<Expectation::Item> items;
    const Json sale = Json::parse(reply.body);
    for (const Json& item : sale.at("items")) {
      items.push_back({item.at("sku").get<std::string>(), item.at("limit_per_customer").get<std::int64_t>()});
    }
    return items;
  } catch (const Json::exception& error) {
    throw std::runtime_error("the sale " + std::string(sale_id) + " is not readable: " + error.what());
  }
}

std::vector<AdminClient::Score> AdminClient::behaviour(std::string_view sale_id) {
  std::vector<Score> scores;
  const std::string path = "/admin/v1/sales/" + std::string(sale_id) + "/behaviour?limit=1000";
  try {
    for (std::string cursor = "0"; !cursor.empty();) {
      const Reply reply = call("GET", path + "&cursor=" + cursor, {});
      if (reply.status != 200) throw unexpected("the score of behaviour", reply.status, reply.body);
      const Json page = Json::parse(reply.body);
      for (const Json& one : page.at("customers")) {
        scores.push_back({one.at("customer_id").get<std::string>(), one.at("score").get<int>()});
      }
      cursor = page.value("next_cursor", "");
    }
  } catch (const Json::exception& error) {
    throw std::runtime_error(std::string("the score of behaviour is not readable: ") + error.what());
  }
  return scores;
}

std::string AdminClient::audit(std::string_view sale_id) {
  Reply reply = call("GET", "/admin/v1/sales/" + std::string(sale_id) + "/audit", {});
  if (reply.status == 503) return {};
  if (reply.status != 200) throw unexpected("the audit", reply.status, reply.body);
  return std::move(reply.body);
}

}  // namespace flashsale::load
