#include "request_text.hpp"

#include <utility>

#include "buyers.hpp"

namespace flashsale::load {
namespace {

std::string line_of(const std::string& sku) { return "{\"sku\":\"" + sku + "\",\"quantity\":1}"; }

std::string checkout_tail(const std::string& body) {
  return "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

RequestText::RequestText(const TokenMint& tokens, const std::string& sale_id, const SaleIdentity& sale,
                         std::string run_mark, const std::vector<std::string>& skus, std::vector<std::string> hosts)
    : tokens_(tokens),
      sale_(sale),
      run_mark_(std::move(run_mark)),
      skus_(skus),
      checkout_line_("POST /v1/sales/" + sale_id + "/orders HTTP/1.1\r\n"),
      sale_line_("GET /v1/sales/" + sale_id + " HTTP/1.1\r\n") {
  for (const std::string& host : hosts) host_fields_.push_back("Host: " + host + "\r\n");
  for (const std::string& sku : skus) checkout_tails_.push_back(checkout_tail(line_of(sku)));
}

void RequestText::append_authorization(std::string& out, const KeyRecord& key) const {
  out += "Authorization: Bearer ";
  tokens_.append_token(out, key.buyer);
}

void RequestText::append_checkout(std::string& out, std::size_t target, const KeyRecord& key,
                                  bool respond_async) const {
  out += checkout_line_;
  out += host_fields_[target];
  append_authorization(out, key);
  if (respond_async) out += "\r\nPrefer: respond-async";
  out += "\r\nIdempotency-Key: ";
  append_key(out, run_mark_, key.purchase);
  if (key.lines == 1) out += checkout_tails_[key.item];
  else append_cart_tail(out, key);
}

void RequestText::append_cart_tail(std::string& out, const KeyRecord& key) const {
  std::string body = "{\"lines\":[";
  for (unsigned line = 0; line < key.lines; ++line) {
    if (line > 0) body += ',';
    body += line_of(skus_[key.item_of(line, skus_.size())]);
  }
  body += "]}";
  out += checkout_tail(body);
}

void RequestText::append_sale(std::string& out, std::size_t target) const {
  out += sale_line_;
  out += host_fields_[target];
  out += "\r\n";
}

void RequestText::append_order_path(std::string& out, const KeyRecord& key) const {
  out += "/v1/orders/";
  order_id_of(key).append_to(out);
}

void RequestText::append_cancel(std::string& out, std::size_t target, const KeyRecord& key) const {
  out += "POST ";
  append_order_path(out, key);
  out += "/cancel HTTP/1.1\r\n";
  out += host_fields_[target];
  append_authorization(out, key);
  out += "\r\nContent-Length: 0\r\n\r\n";
}

void RequestText::append_poll(std::string& out, std::size_t target, const KeyRecord& key) const {
  out += "GET ";
  append_order_path(out, key);
  out += " HTTP/1.1\r\n";
  out += host_fields_[target];
  append_authorization(out, key);
  out += "\r\n\r\n";
}

OrderId RequestText::order_id_of(const KeyRecord& key) const {
  return expected_order_id(sale_, run_mark_, key.buyer, key.purchase);
}

}  // namespace flashsale::load
