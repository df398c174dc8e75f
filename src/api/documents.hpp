#pragma once
#include <string>
#include <string_view>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"

/// The JSON documents of the API, written by hand: they are small, of fixed form, and some are made on the hot path.
namespace flashsale::api {

enum class OrderAudience { buyer, admin };

/// `{"id",…}`; the admin's has `customer_id` too. False, with half of it appended, when the sale does not have all the
/// order's items: after stores were restored from backups a number can have become another sale's.
[[nodiscard]] bool append_order(std::string& out, const Order& order, const Sale& sale, OrderAudience audience);

enum class ShownStock { counts, availability };

/// A sale as the public catalog shows it, with or without `remaining`. Levels older than the mark's life are shown with
/// `as_of`.
void append_public_sale(std::string& out, const catalog::SaleSnapshot& snapshot, catalog::SteadyTime now,
                        ShownStock stock);

/// A sale as the merchant sees it: the definition in PostgreSQL, with `remaining` where `levels` is known.
void append_admin_sale(std::string& out, const Sale& sale, const catalog::SaleSnapshot* levels, TimePoint now);

/// `"name":` with the comma before it, unless it is the first member.
void append_member(std::string& out, std::string_view name);
/// The mark that everything of a rehearsal carries.
void append_rehearsal(std::string& out);

}  // namespace flashsale::api
