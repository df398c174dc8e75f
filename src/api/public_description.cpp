#include "public_description.hpp"

#include <algorithm>
#include <vector>

namespace flashsale::api {
namespace {

/// A key with all that is indented below it.
struct Block {
  std::string section;  ///< `schemas` of a component, empty for anything else
  std::string name;
  std::string text;
  bool is_kept = true;
};

std::string_view first_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
  const auto line = text.substr(0, end);
  text.remove_prefix(end);
  return line;
}

/// The key of a line that is indented by exactly so much, or empty.
std::string_view key_at(std::string_view line, std::size_t indentation) {
  if (line.find_first_not_of(' ') != indentation || line[indentation] == '\n' || line[indentation] == '#') return {};
  const auto end = line.find(':', indentation);
  return end == std::string_view::npos ? std::string_view{} : line.substr(indentation, end - indentation);
}

bool is_of_admin(std::string_view path) { return path.starts_with("/admin/") || path == "/metrics"; }

std::vector<Block> split(std::string_view openapi) {
  std::vector<Block> blocks(1);
  std::string_view top;
  std::string_view section;
  while (!openapi.empty()) {
    const auto line = first_line(openapi);
    if (const auto key = key_at(line, 0); !key.empty()) {
      top = key;
      // What is sent to endpoints is the business of whoever sets them up.
      blocks.push_back({{}, std::string(key), {}, key != "webhooks"});
    } else if (const auto name = key_at(line, 2); top == "paths" && !name.empty()) {
      blocks.push_back({{}, std::string(name), {}, !is_of_admin(name)});
    } else if (top == "components" && !name.empty()) {
      section = name;
      blocks.emplace_back();
    } else if (const auto component = key_at(line, 4); top == "components" && !component.empty()) {
      blocks.push_back({std::string(section), std::string(component), {}, false});
    }
    blocks.back().text += line;
  }
  return blocks;
}

/// By a `$ref`, or by its name where a security scheme is asked for.
bool is_used(const Block& component, std::string_view text) {
  const auto reference = "#/components/" + component.section + '/' + component.name + '"';
  if (text.find(reference) != std::string_view::npos) return true;
  return component.section == "securitySchemes" && text.find("- " + component.name + ':') != std::string_view::npos;
}

}  // namespace

std::string public_description(std::string_view openapi) {
  auto blocks = split(openapi);
  std::string kept;
  for (const auto& block : blocks) {
    if (block.is_kept) kept += block.text;
  }
  // A component may be used by another one alone.
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (auto& block : blocks) {
      if (block.is_kept || block.section.empty() || !is_used(block, kept)) continue;
      block.is_kept = has_grown = true;
      kept += block.text;
    }
  }
  std::string text;
  for (const auto& block : blocks) {
    if (block.is_kept) text += block.text;
  }
  return text;
}

}  // namespace flashsale::api
