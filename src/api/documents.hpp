#pragma once
#include <string>
#include <string_view>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/model/sale.hpp"

/// The JSON documents of the API, written by hand: they are small, of fixed form, and some are made on the hot path.
namespace flashsale::api {

enum class ShownStock { counts, availability };

/// A sale as the public catalog shows it, with or without `remaining`. Levels older than the mark's life are shown with
/// `as_of`.
void append_public_sale(std::string& out, const catalog::SaleSnapshot& snapshot, catalog::SteadyTime now,
                        ShownStock stock);

/// A sale as the merchant sees it: the definition in PostgreSQL, with `remaining` where `levels` is known.
void append_admin_sale(std::string& out, const Sale& sale, const catalog::SaleSnapshot* levels, TimePoint now);

/// How it is called to a merchant. To buyers a sale that has ended is closed; its merchant can still give it new times.
[[nodiscard]] std::string_view merchants_state(const Sale& sale, TimePoint now);

}  // namespace flashsale::api
