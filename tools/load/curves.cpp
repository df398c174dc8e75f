#include "curves.hpp"

#include <charconv>
#include <cstdint>
#include <optional>

#include "crowd.hpp"

namespace flashsale::load {
namespace {

constexpr std::uint64_t kSalesMax = 100'000;
constexpr std::uint64_t kSecondsMax = 3600;

struct CurvesOptions {
  std::uint64_t sales = 100;  ///< of each shape
  std::uint64_t seed = 1;
  std::uint64_t seconds = 300;
  CrowdRange range = CrowdRange::usual;
  std::vector<CrowdShapeName> shapes{kCrowdShapes.begin(), kCrowdShapes.end()};
};

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

std::string set_number(std::uint64_t& member, std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto value = parse_number(text, least, most);
  if (!value) return "takes a number from " + std::to_string(least) + " to " + std::to_string(most);
  member = *value;
  return {};
}

std::string set(CurvesOptions& options, std::string_view name, const std::string& value) {
  if (name == "--sales") return set_number(options.sales, value, 1, kSalesMax);
  if (name == "--seed") return set_number(options.seed, value, 0, UINT32_MAX);
  if (name == "--seconds") return set_number(options.seconds, value, 1, kSecondsMax);
  if (name == "--range") {
    if (value != "usual" && value != "beyond") return "is usual or beyond";
    options.range = value == "usual" ? CrowdRange::usual : CrowdRange::beyond;
    return {};
  }
  if (name != "--shape") return "is no option; curves --help lists them";
  const auto shape = parse_crowd_shape(value);
  if (!shape) return "is rush, self-exciting, bots, outage, late-wave or even";
  options.shapes = {{*shape, value}};
  return {};
}

void write_row(std::ostream& out, std::string_view sale, std::string_view kind, std::string_view shape,
               const CrowdCurve& curve) {
  std::uint64_t bots = 0;
  for (const auto count : curve.bots) bots += count;
  out << sale << ',' << shape << ',' << kind << ',' << curve.registrations << ',' << bots;
  for (const auto count : curve.arrivals) out << ',' << count;
  out << '\n';
}

}  // namespace

std::string write_curves(const std::vector<std::string>& arguments, std::ostream& out) {
  CurvesOptions options;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return arguments[i] + " takes a value";
    const std::string fault = set(options, arguments[i], arguments[i + 1]);
    if (!fault.empty()) return arguments[i] + " " + fault;
  }
  out << "sale,shape,kind,registrations,bots";
  for (std::uint64_t second = 0; second < options.seconds; ++second) out << ",s" << second;
  out << '\n';
  std::uint64_t number = 0;
  for (const auto& [shape, name] : options.shapes) {
    for (std::uint64_t i = 0; i < options.sales; ++i, ++number) {
      // By shape and number, whatever else is drawn in the same call.
      const std::uint64_t seed = (options.seed << 32) ^ (static_cast<std::uint64_t>(shape) << 28) ^ i;
      const auto pair = draw_crowds(shape, options.range, seed, static_cast<unsigned>(options.seconds));
      const std::string sale = std::to_string(number);
      write_row(out, sale, "rehearsal", name, pair.rehearsal);
      write_row(out, sale, "sale", name, pair.sale);
    }
  }
  return {};
}

std::string_view curves_usage() {
  return R"(flashsale-load curves [option…]: arrivals by second of many crowds as CSV, without any server

  --sales N        of each shape, each with a rehearsal or earlier sale of the same merchant   (100)
  --seed N         the same seed gives the same curves                                         (1)
  --seconds N      of each curve, from the opening on                                          (300)
  --shape NAME     rush, self-exciting, bots, outage, late-wave or even                        (all)
  --range RANGE    usual, or beyond: numbers of crowds from outside of what is usual           (usual)
)";
}

}  // namespace flashsale::load
