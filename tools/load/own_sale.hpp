#pragma once
#include <string>

#include "admin_client.hpp"

namespace flashsale::load {

/// A sale that a run makes for itself. It is closed when the run is over, however that ends: nobody else is to find it
/// open in the shop. The admin client has to live longer.
class OwnSale {
 public:
  OwnSale(AdminClient& admin, const AdminClient::NewSale& sale);
  ~OwnSale();
  OwnSale(const OwnSale&) = delete;
  OwnSale& operator=(const OwnSale&) = delete;

  void keep_open() { stays_open_ = true; }

 private:
  void close();

  AdminClient& admin_;
  std::string id_;
  bool stays_open_ = false;
};

}  // namespace flashsale::load
