#include "own_sale.hpp"

#include <cstdio>
#include <exception>

namespace flashsale::load {

OwnSale::OwnSale(AdminClient& admin, const AdminClient::NewSale& sale) : admin_(admin), id_(sale.id) {
  admin_.create_sale(sale);
}

OwnSale::~OwnSale() {
  if (stays_open_) return;
  try {
    admin_.close_sale(id_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the sale %s stays open: %s\n", id_.c_str(), error.what());
  }
}

}  // namespace flashsale::load
