#include "own_sale.hpp"

#include <cstdio>
#include <exception>

namespace flashsale::load {

OwnSale::OwnSale(AdminClient& admin, const AdminClient::NewSale& sale) : admin_(admin), id_(sale.id) {
  try {
    admin_.create_sale(sale);
  } catch (const std::exception&) {
    // The answer may be what was lost.
    close();
    throw;
  }
}

OwnSale::~OwnSale() {
  if (!stays_open_) close();
}

void OwnSale::close() {
  try {
    admin_.close_sale(id_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the sale %s stays open: %s\n", id_.c_str(), error.what());
  }
}

}  // namespace flashsale::load
