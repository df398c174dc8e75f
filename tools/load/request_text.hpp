#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "answer.hpp"
#include "buyers.hpp"
#include "observations.hpp"
#include "token_mint.hpp"

namespace flashsale::load {

/// Requests as text: what all of them share is put together once, so that sending one is a few copies.
class RequestText {
 public:
  RequestText(const TokenMint& tokens, const std::string& sale_id, const SaleIdentity& sale, std::string run_mark,
              const std::vector<std::string>& skus, std::vector<std::string> hosts);

  void append_checkout(std::string& out, std::size_t target, const KeyRecord& key, bool respond_async) const;
  void append_sale(std::string& out, std::size_t target) const;
  void append_cancel(std::string& out, std::size_t target, const KeyRecord& key) const;
  void append_poll(std::string& out, std::size_t target, const KeyRecord& key) const;

  [[nodiscard]] OrderId order_id_of(const KeyRecord& key) const;

 private:
  void append_order_path(std::string& out, const KeyRecord& key) const;
  void append_cart_tail(std::string& out, const KeyRecord& key) const;
  void append_authorization(std::string& out, const KeyRecord& key) const;

  const TokenMint& tokens_;
  SaleIdentity sale_;
  std::string run_mark_;
  std::vector<std::string> skus_;
  std::string checkout_line_;
  std::string sale_line_;
  std::vector<std::string> host_fields_;     ///< by target
  std::vector<std::string> checkout_tails_;  ///< of one line, by item: Content-Type to the end
};

}  // namespace flashsale::load
