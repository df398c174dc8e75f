// Settings from their sources: the TOML file, the environment, flags, and the files that settings name.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// toml++ 3.3 asserts, or with NDEBUG lets the compiler assume, that a key begins where "[~" goes on: it would abort
// instead of coming to its own check, which tells the line.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "flashsale/app/settings.hpp"
#include "flashsale/model/json_text.hpp"
#include "settings_checks.hpp"

namespace flashsale::app {
namespace {

constexpr std::size_t kFileBytesMax = 1'048'576;
constexpr std::size_t kListEntryBytesMax = 4096;

// What scripts/run writes for clients beside the settings that it shares with the server.
constexpr std::string_view kClientVariables[] = {
    "FLASHSALE_URL",          "FLASHSALE_ADMIN_URL",      "FLASHSALE_EDGE_URL",
    "FLASHSALE_EDGE_TLS_URL", "FLASHSALE_ADMIN_TOKEN",    "FLASHSALE_ADMIN_TOKEN_FILE",
    "FLASHSALE_PIDS",         "FLASHSALE_WEBHOOK_SECRET", "FLASHSALE_RABBITMQ_API"};
constexpr std::string_view kFileVariable = "FLASHSALE_CONFIG";
constexpr std::string_view kPrefix = "FLASHSALE_";
constexpr std::string_view kTestPrefix = "FLASHSALE_TEST_";

enum class Level : std::uint8_t { default_, file, environment, flag };

[[noreturn]] void fail(std::string_view place, std::string_view what) {
  throw SettingsError(std::string(place).append(": ").append(what));
}

std::string show(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  std::string out;
  append_json_string(out, text.substr(0, kShownMax));
  if (text.size() > kShownMax) out += "…";
  return out;
}

[[noreturn]] void fail_value(std::string_view place, const Setting& setting, std::string_view shown) {
  std::string what = setting.name();
  if (setting.secrecy == Secrecy::open && !shown.empty()) what.append(" = ").append(shown);
  fail(place, what.append(" is not allowed: it must be ").append(setting.allowed()));
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  for (const Setting& setting : setting_table()) {
    if (setting.section == section && setting.key == key) return &setting;
  }
  return nullptr;
}

std::string known_sections() {
  std::string out;
  std::string_view last;
  for (const Setting& setting : setting_table()) {
    if (setting.section == last) continue;
    last = setting.section;
    out.append(out.empty() ? "" : ", ").append(last);
  }
  return out;
}

// Empty when there is no such section.
std::string known_keys(std::string_view section) {
  std::string out;
  for (const Setting& setting : setting_table()) {
    if (setting.section == section) out.append(out.empty() ? "" : ", ").append(setting.key);
  }
  return out;
}

[[noreturn]] void fail_unknown(std::string_view place, std::string_view section, std::string_view key) {
  const std::string keys = known_keys(section);
  if (keys.empty()) {
    fail(place, "there is no section " + show(section) + " of settings; there are " + known_sections());
  }
  const std::string name = std::string(section).append(".").append(key);
  fail(place, "there is no setting " + show(name) + "; [" + std::string(section) + "] has " + keys);
}

std::string read_file(std::string_view place, const std::string& path) {
  std::error_code ignored;
  std::ifstream stream(path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(path, ignored)) fail(place, "cannot read the file " + show(path));
  std::string text(kFileBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) fail(place, "cannot read the file " + show(path));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kFileBytesMax) fail(place, "the file " + show(path) + " is larger than 1 MiB");
  return text;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_choice(std::string_view choices, std::string_view text) {
  return std::ranges::count(split(choices, '|'), text) != 0;
}

bool may_be_empty(const Setting& setting) { return setting.default_text() == "\"\""; }

// The one place where values are held against the table.
class Assignment {
 public:
  Assignment(const Setting& setting, std::string_view place, SettingMember member)
      : setting_(setting), place_(place), member_(member) {}

  void number(std::int64_t value) const {
    const std::string shown = std::to_string(value);
    if (value < setting_.min || value > setting_.max) fail_value(place_, setting_, shown);
    if (auto* const* wide = std::get_if<std::uint32_t*>(&member_); wide != nullptr) {
      **wide = static_cast<std::uint32_t>(value);
    } else if (auto* const* narrow = std::get_if<std::uint16_t*>(&member_); narrow != nullptr) {
      **narrow = static_cast<std::uint16_t>(value);
    } else {
      fail_value(place_, setting_, shown);
    }
  }

  void boolean(bool value) const {
    auto* const* member = std::get_if<bool*>(&member_);
    if (member == nullptr) fail_value(place_, setting_, value ? "true" : "false");
    **member = value;
  }

  void text(std::string_view value) const {
    auto* const* member = std::get_if<std::string*>(&member_);
    if (member == nullptr || !text_fits(value)) fail_value(place_, setting_, show(value));
    (*member)->assign(value);
  }

  void list(std::vector<std::string> entries) const {
    auto* const* member = std::get_if<std::vector<std::string>*>(&member_);
    if (member == nullptr) fail_value(place_, setting_, "a list");
    const auto fits = [](const std::string& entry) { return !entry.empty() && entry.size() <= kListEntryBytesMax; };
    if (entries.size() > setting_.max) fail_value(place_, setting_, "a longer list");
    if (!std::ranges::all_of(entries, fits)) fail(place_, setting_.name() + " has an entry that is empty or too long");
    **member = std::move(entries);
  }

  // As an environment variable or a flag has it.
  void any_from_text(std::string_view value) const {
    if (std::holds_alternative<std::string*>(member_)) return text(value);
    if (std::holds_alternative<std::vector<std::string>*>(member_)) return list(split_list(value));
    if (std::holds_alternative<bool*>(member_)) {
      if (value != "true" && value != "false") fail_value(place_, setting_, show(value));
      return boolean(value == "true");
    }
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc{} || end != value.data() + value.size()) fail_value(place_, setting_, show(value));
    number(parsed);
  }

 private:
  [[nodiscard]] bool text_fits(std::string_view value) const {
    if (!setting_.choices.empty()) return is_choice(setting_.choices, value);
    // No text but a key has a use for control characters, and some are sent in headers.
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; };
    if (setting_.secrecy != Secrecy::secret && std::ranges::any_of(value, is_control)) return false;
    if (value.empty()) return may_be_empty(setting_);
    return value.size() >= setting_.min && value.size() <= setting_.max;
  }

  static std::vector<std::string> split_list(std::string_view value) {
    std::vector<std::string> entries;
    if (trim(value).empty()) return entries;
    for (const std::string_view entry : split(value, ',')) entries.emplace_back(trim(entry));
    return entries;
  }

  const Setting& setting_;
  std::string_view place_;
  SettingMember member_;
};

class Loader {
 public:
  explicit Loader(const SettingsSources& sources) : sources_(sources) { given_.resize(setting_table().size()); }

  Settings load() && {
    read_settings_file();
    for (const std::string& variable : sources_.environment) read_variable(variable);
    for (const SettingFlag& flag : sources_.flags) read_flag(flag);
    for (const Setting& setting : setting_table()) {
      if (!setting.twin.empty()) read_twin(setting);
    }
    read_key_files();
    check_together(settings_);
    return std::move(settings_);
  }

 private:
  struct Given {
    Level level = Level::default_;
    std::string place;  // where, for error lines
  };

  Given& given(const Setting& setting) { return given_[static_cast<std::size_t>(&setting - setting_table().data())]; }

  Assignment assign(const Setting& setting, Level level, std::string place) {
    Given& mark = given(setting);
    mark = {level, std::move(place)};
    return {setting, mark.place, setting.member(settings_)};
  }

  void read_settings_file() {
    std::string place = "--config";
    std::optional<std::string> path = sources_.file;
    if (!path) {
      place = kFileVariable;
      path = variable(kFileVariable);
    }
    if (!path) {
      std::error_code ignored;
      if (!std::filesystem::exists(sources_.default_file, ignored)) return;
      place = "settings";
      path = sources_.default_file;
    }
    const std::string text = read_file(place, *path);
    const toml::parse_result parsed = toml::parse(text, *path);
    if (!parsed) fail(position(*path, parsed.error().source()), one_line(parsed.error().description()));
    for (const auto& [section, node] : parsed.table())
      read_section(*path, std::string(section.str()), position(*path, section.source()), node);
  }

  void read_section(const std::string& path, const std::string& section, const std::string& place,
                    const toml::node& node) {
    const toml::table* table = node.as_table();
    if (known_keys(section).empty()) fail_unknown(place, section, "");
    if (table == nullptr) fail(place, section + " is a section: write [" + section + "]");
    for (const auto& [key, value] : *table) {
      const std::string at = position(path, key.source());
      if (const auto inner = section + '.' + std::string(key.str()); !known_keys(inner).empty()) {
        read_section(path, inner, at, value);
        continue;
      }
      const Setting* setting = find_setting(section, key.str());
      if (setting == nullptr) fail_unknown(at, section, key.str());
      read_node(assign(*setting, Level::file, at), *setting, at, value);
    }
  }

  static void read_node(const Assignment& target, const Setting& setting, std::string_view place,
                        const toml::node& node) {
    if (const auto* integer = node.as_integer(); integer != nullptr) return target.number(integer->get());
    if (const auto* boolean = node.as_boolean(); boolean != nullptr) return target.boolean(boolean->get());
    if (const auto* text = node.as_string(); text != nullptr) return target.text(text->get());
    const toml::array* array = node.as_array();
    if (array == nullptr) fail_value(place, setting, "");
    std::vector<std::string> entries;
    for (const toml::node& entry : *array) {
      const auto* text = entry.as_string();
      if (text == nullptr) fail_value(place, setting, "");
      entries.push_back(text->get());
    }
    target.list(std::move(entries));
  }

  void read_variable(std::string_view variable) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view name = variable.substr(0, equals);
    if (!name.starts_with(kPrefix) || name.starts_with(kTestPrefix) || name == kFileVariable) return;
    if (std::ranges::count(kClientVariables, name) != 0) return;
    const auto found = std::ranges::find(setting_table(), name, &Setting::environment);
    if (found == setting_table().end()) fail(name, "no setting has this variable; flashsaled --help lists them");
    assign(*found, Level::environment, std::string(name)).any_from_text(variable.substr(equals + 1));
  }

  void read_flag(const SettingFlag& flag) {
    const std::string place = "--" + flag.name;
    const std::size_t dot = flag.name.rfind('.');
    const std::string_view section = std::string_view(flag.name).substr(0, dot);
    const std::string_view key = dot == std::string::npos ? "" : std::string_view(flag.name).substr(dot + 1);
    const Setting* setting = find_setting(section, key);
    if (setting == nullptr) fail_unknown(place, section, key);
    if (setting->secrecy != Secrecy::open) {
      fail(place, "secrets are not taken from the command line, which others can read: set " + setting->environment() +
                      " or a file");
    }
    assign(*setting, Level::flag, place).any_from_text(flag.value);
  }

  // The file named by `setting` stands in for its twin, unless that was given by a source of higher precedence.
  void read_twin(const Setting& setting) {
    const std::string path = *std::get<std::string*>(setting.member(settings_));
    if (path.empty()) return;
    const Setting& twin = *find_setting(setting.section, setting.twin);
    const Level twin_level = level_of_value(twin);
    const Given file = given(setting);
    if (twin_level > file.level) return;
    if (twin_level == file.level) {
      fail(file.place, twin.name() + " and " + setting.name() + " are both given; choose one");
    }
    const std::string text = read_file(file.place + ": " + setting.name(), path);
    const Assignment target = assign(twin, file.level, path);
    if (std::holds_alternative<std::vector<std::string>*>(twin.member(settings_))) {
      target.list(list_lines(text));
    } else {
      const std::string_view value = without_line_end(text);
      if (value.empty()) fail(file.place, setting.name() + ": the file " + show(path) + " is empty");
      target.text(value);
    }
  }

  // A settings file may spell out the default of a setting whose file twin it uses; that counts as not given.
  Level level_of_value(const Setting& setting) {
    const Level level = given(setting).level;
    const std::string value = to_toml(setting.member(settings_));
    if (level == Level::file) return value == setting.default_text() ? Level::default_ : level;
    return value == "\"\"" || value == "[]" ? Level::default_ : level;
  }

  void read_key_files() {
    Settings::Jwt& jwt = settings_.jwt;
    if (!jwt.public_key_file.empty()) jwt.public_key_pem = read_file("jwt.public_key_file", jwt.public_key_file);
    if (!jwt.jwks_file.empty()) jwt.jwks_json = read_file("jwt.jwks_file", jwt.jwks_file);
    Settings::EventsKafka& kafka = settings_.events_kafka;
    if (!kafka.properties_file.empty())
      kafka.properties = read_file("events.kafka.properties_file", kafka.properties_file);
  }

  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const {
    for (const std::string& entry : sources_.environment) {
      if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
        return entry.substr(name.size() + 1);
      }
    }
    return std::nullopt;
  }

  static std::vector<std::string> list_lines(std::string_view text) {
    std::vector<std::string> entries;
    for (const std::string_view line : split(text, '\n')) {
      const std::string_view entry = trim(line);
      if (!entry.empty() && entry.front() != '#') entries.emplace_back(entry);
    }
    return entries;
  }

  static std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }

  static std::string position(const std::string& path, const toml::source_region& region) {
    return path + ":" + std::to_string(region.begin.line);
  }

  static std::string one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace(line, '\n', ' ');
    return line;
  }

  const SettingsSources& sources_;
  Settings settings_;
  std::vector<Given> given_;  // as in setting_table()
};

}  // namespace

std::vector<std::string> process_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::string_view(*entry).starts_with(kPrefix)) variables.emplace_back(*entry);
  }
  return variables;
}

Settings load_settings(const SettingsSources& sources) { return Loader(sources).load(); }

}  // namespace flashsale::app
