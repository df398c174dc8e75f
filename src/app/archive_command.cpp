#include <iostream>
#include <vector>

#include "flashsale/app/commands.hpp"
#include "flashsale/postgres/archive.hpp"
#include "flashsale/postgres/migrator.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "module_options.hpp"

namespace flashsale::app {
namespace {

constexpr std::string_view kWho = "flashsaled archive";
constexpr std::int32_t kSalesPage = 100;

/// What stands in the way, in words for whoever runs the command.
std::string_view describe(postgres::ArchiveResult::Outcome outcome) {
  using Outcome = postgres::ArchiveResult::Outcome;
  switch (outcome) {
    case Outcome::unknown_sale: return "there is no such sale";
    case Outcome::rehearsal: return "it is a rehearsal: reset it instead";
    case Outcome::not_let_go:
      return "it still stands in Redis: close it, and wait until the admin API shows \"let_go\": true";
    case Outcome::archived: break;
  }
  return {};
}

/// How many were moved; empty, with the reason on stderr, when it is not done.
std::optional<std::int64_t> archive_one(postgres::Session& session, const std::string& sale_id) {
  const auto result = postgres::archive_sale(session, sale_id, kWho);
  if (!result) {
    std::cerr << "flashsaled: archive of " << sale_id << " has stopped: " << result.error().message()
              << "; what is moved is moved, run it again for the rest\n";
    return std::nullopt;
  }
  if (result->outcome != postgres::ArchiveResult::Outcome::archived) {
    std::cerr << "flashsaled: " << sale_id << " cannot be archived: " << describe(result->outcome) << '\n';
    return std::nullopt;
  }
  return result->orders;
}

void print(const std::string& sale_id, std::int64_t orders) {
  std::cout << sale_id << ": " << orders << " orders archived\n";
}

/// Whole rows are moved, so the tables have to be as this version knows them.
bool is_ready(postgres::Session& session) {
  const auto schema = postgres::schema_state(session);
  const bool good = schema && schema->is_complete && schema->checksums_match;
  if (!schema) std::cerr << "flashsaled: archive cannot begin: " << schema.error().message() << '\n';
  else if (!good)
    std::cerr << "flashsaled: archive needs the schema of this version: see flashsaled migrate and check\n";
  return good;
}

Result<bool> is_due(postgres::Session& session, const Sale& sale, std::int32_t days) {
  if (!sale.let_go || sale.rehearsal) return Result<bool>(boost::system::in_place_value, false);
  const auto moved = postgres::has_moved_since(session, sale, days);
  return moved ? Result<bool>(boost::system::in_place_value, !*moved) : moved;
}

/// Those of them that are due. False: one is not done, and perhaps those behind it; the reason is on stderr.
bool archive_due(postgres::Session& session, const std::vector<Sale>& sales, std::int32_t days, std::int64_t& orders) {
  bool all_done = true;
  for (const auto& sale : sales) {
    const auto due = is_due(session, sale, days);
    if (!due) {
      std::cerr << "flashsaled: archive has stopped at " << sale.id << ": " << due.error().message() << '\n';
      return false;
    }
    if (!*due) continue;
    const auto moved = archive_one(session, sale.id);
    // Somebody may hold a row of this sale alone.
    all_done = all_done && moved;
    if (!moved) continue;
    // All of those that were archived before are due, too.
    if (*moved > 0 || !sale.archived) print(sale.id, *moved);
    orders += *moved;
  }
  return all_done;
}

bool archive_older(postgres::Session& session, std::int32_t days) {
  std::int64_t orders = 0;
  bool all_done = true;
  for (std::int32_t after = 0;;) {
    const auto sales = postgres::list_sales(session, after, kSalesPage);
    if (!sales) {
      std::cerr << "flashsaled: archive has stopped: " << sales.error().message() << '\n';
      return false;
    }
    all_done = archive_due(session, *sales, days, orders) && all_done;
    if (sales->empty()) break;
    after = sales->back().sale_no;
  }
  std::cout << "in all: " << orders << " orders archived\n";
  return all_done;
}

}  // namespace

int run_archive(const Settings& settings, const std::string& sale_id,
                const std::optional<std::int32_t>& older_than_days) {
  postgres::Session session(postgres_options(settings), "archive");
  if (!is_ready(session)) return 1;
  if (older_than_days) return archive_older(session, *older_than_days) ? 0 : 1;
  const auto moved = archive_one(session, sale_id);
  if (moved) print(sale_id, *moved);
  return moved ? 0 : 1;
}

}  // namespace flashsale::app
