#include <iostream>

#include "dependency_checks.hpp"
#include "flashsale/admin/audit.hpp"
#include "flashsale/app/commands.hpp"
#include "flashsale/app/token_command.hpp"
#include "flashsale/postgres/distribution.hpp"
#include "flashsale/postgres/migrator.hpp"
#include "flashsale/postgres/privileges.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "module_options.hpp"

namespace flashsale::app {
namespace {

constexpr std::chrono::milliseconds kAuditPatience{3000};
constexpr std::int32_t kSalesPage = 100;

void print(const admin::AuditReport& report) {
  std::cout << report.sale_id << ": " << (report.consistent ? "consistent" : "NOT CONSISTENT") << '\n';
  for (const auto& item : report.items) {
    std::cout << "  " << item.sku << ": stock " << item.stock << ", sold " << item.sold << ", live units "
              << item.live_units << ", remaining " << item.remaining << ", pending " << item.pending
              << (item.consistent ? "" : "  <- does not add up") << '\n';
  }
}

/// True when the sale is there and adds up.
bool audit_one(workers::Stores& stores, const std::string& sale_id) {
  const auto report = admin::audit_sale(stores, sale_id, kAuditPatience);
  if (!report) {
    std::cerr << "flashsaled: audit of " << sale_id << " cannot tell: " << report.error().message() << '\n';
    return false;
  }
  if (!*report) {
    std::cerr << "flashsaled: there is no sale " << sale_id << '\n';
    return false;
  }
  print(**report);
  return (*report)->consistent;
}

}  // namespace

/// False: it could not be done, and why is said.
bool run_distribution(postgres::Session& session) {
  const auto citus = postgres::is_citus(session);
  if (citus && !*citus) {
    std::cerr << "flashsaled: migrate --citus needs the extension citus in this database\n";
    return false;
  }
  const auto done = citus ? postgres::distribute(session) : citus.error();
  if (!done) {
    std::cerr << "flashsaled: migrate could not distribute the tables: " << done.error().message() << '\n';
    return false;
  }
  for (const auto& step : *done) std::cout << "ran " << step << '\n';
  if (done->empty()) std::cout << "all tables are distributed\n";
  return true;
}

int run_migrate(const Settings& settings, bool with_citus) {
  postgres::Session session(postgres_options(settings), "migrate");
  const auto applied = postgres::migrate(session);
  if (!applied) {
    std::cerr << "flashsaled: migrate failed: " << applied.error().message() << '\n';
    return 1;
  }
  for (const auto& name : *applied) std::cout << "applied " << name << '\n';
  if (applied->empty()) std::cout << "the schema is up to date\n";
  if (with_citus && !run_distribution(session)) return 1;
  const auto& role = settings.postgres.serve_role;
  if (role.empty()) return 0;
  if (const auto error = postgres::grant_serving(session, role)) {
    std::cerr << "flashsaled: migrate could not grant the role " << role << " what serving needs: " << error.message()
              << '\n';
    return 1;
  }
  std::cout << "the role " << role << " may serve\n";
  return 0;
}

int run_audit(const Settings& settings, const std::string& sale_id) {
  telemetry::Metrics metrics;
  workers::Stores stores(postgres_options(settings), redis_options(settings), "audit", metrics);
  if (!sale_id.empty()) return audit_one(stores, sale_id) ? 0 : 1;
  bool consistent = true;
  std::int32_t after = 0;
  for (;;) {
    const auto sales = postgres::list_sales(stores.session(), after, kSalesPage);
    if (!sales) {
      std::cerr << "flashsaled: audit cannot tell: " << sales.error().message() << '\n';
      return 1;
    }
    if (sales->empty()) return consistent ? 0 : 1;
    for (const auto& sale : *sales) consistent = audit_one(stores, sale.id) && consistent;
    after = sales->back().sale_no;
  }
}

int run_check(const Settings& settings) {
  auto report = check_dependencies(settings);
  check_brokers(settings, report);
  check_trace_collector(settings, report);
  for (const auto& problem : report.unreachable) std::cout << "unreachable  " << problem << '\n';
  for (const auto& problem : report.unsafe) std::cout << "unsafe       " << problem << '\n';
  for (const auto& warning : token_warnings(settings)) std::cout << "warning      " << warning << '\n';
  for (const auto& warning : report.warnings) std::cout << "warning      " << warning << '\n';
  for (const auto& note : report.notes) std::cout << "note         " << note << '\n';
  for (const auto& more : report.excessive) std::cout << "not needed   " << more << '\n';
  if (report.good()) std::cout << "settings, schema and stores are good\n";
  return report.good() ? 0 : 1;
}

}  // namespace flashsale::app
