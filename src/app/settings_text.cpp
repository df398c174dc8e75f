// What people read of the settings: the file of defaults, the help text, and the line for the log.
#include <algorithm>
#include <type_traits>

#include "flashsale/app/settings.hpp"
#include "flashsale/model/json_text.hpp"

namespace flashsale::app {
namespace {

// What stands above each section in the settings file and in the help text.
std::string_view section_title(std::string_view section) {
  struct Title {
    std::string_view section;
    std::string_view text;
  };
  static constexpr Title kTitles[] = {
      {"http", "The public listener"},
      {"admin", "The listener for merchants, support and monitoring"},
      {"auth", "Who a buyer is"},
      {"jwt", "Keys and claims of the buyers' bearer tokens"},
      {"payments", "The payment provider's messages, and orders that nobody pays"},
      {"redis", "Where stock is counted"},
      {"postgres", "Where orders are kept"},
      {"checkout", "How many orders at once, and how long a buyer waits for one"},
      {"journal", "The workers that write orders"},
      {"lookup", "The workers that read orders"},
      {"sweeper", "What finishes the work that a crash left"},
      {"audit", "What compares Redis with PostgreSQL while a sale runs"},
      {"retention", "What becomes of sales that are over"},
      {"events", "What happened, told to other systems"},
      {"events.rabbitmq", "Events to RabbitMQ"},
      {"events.kafka", "Events to Kafka"},
      {"events.webhooks", "Events to endpoints by HTTP"},
      {"catalog", "The picture of all sales in memory"},
      {"forecast", "What comes next in a sale"},
      {"live", "Streams of stock and state (server-sent events) to whoever listens"},
      {"shop", "A page for buyers, at /shop of the public listener"},
      {"rate_limit", "Requests of one customer"},
      {"behaviour", "How unlike people a customer's checkouts are"},
      {"shutdown", "The way down on SIGTERM"},
      {"process", "What the operating system may do with the process"},
      {"log", "The log on standard error"},
      {"tracing", "What some requests went through, for a collector of traces"},
  };
  const auto* found = std::ranges::find(kTitles, section, &Title::section);
  return found == std::end(kTitles) ? std::string_view{} : found->text;
}

std::string choices_text(std::string_view choices) {
  std::string text = "one of ";
  const bool may_be_empty = choices.starts_with('|');
  if (may_be_empty) choices.remove_prefix(1);
  for (const char c : choices) {
    if (c == '|') {
      text += ", ";
    } else {
      text += c;
    }
  }
  if (may_be_empty) text += ", or empty";
  return text;
}

// Appends words with line breaks such that no line is longer than `width`; each line begins with `indent`.
void append_wrapped(std::string& out, std::string_view text, std::string_view indent, std::size_t width) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column != 0 && column + 1 + word.size() > width) {
      out += '\n';
      column = 0;
    }
    out.append(column == 0 ? indent : std::string_view{" "}).append(word);
    column += word.size() + (column == 0 ? indent.size() : 1);
  }
  out += '\n';
}

std::string_view secrecy_text(const Setting& setting) {
  return setting.secrecy == Secrecy::open ? "" : " Not taken from the command line.";
}

void append_bare_or_quoted(std::string& out, std::string_view text) {
  const bool bare =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F' && c != '"'; });
  if (bare) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

void append_redacted(std::string& out, const Setting& setting, const SettingMember& value) {
  const auto* text = std::get_if<std::string*>(&value);
  if (setting.secrecy == Secrecy::open) {
    if (text != nullptr) {
      append_bare_or_quoted(out, **text);
    } else {
      out += to_toml(value);
    }
    return;
  }
  if (text == nullptr) {
    const std::size_t entries = std::get<std::vector<std::string>*>(value)->size();
    out += entries == 0 ? "[]" : "***";
  } else if ((*text)->empty()) {
    out += "\"\"";
  } else if (setting.secrecy == Secrecy::url) {
    append_bare_or_quoted(out, redacted_url(**text));
  } else {
    out += "***";
  }
}

}  // namespace

std::string to_toml(const SettingMember& value) {
  return std::visit(
      [](const auto* member) -> std::string {
        using T = std::remove_cvref_t<decltype(*member)>;
        std::string out;
        if constexpr (std::is_same_v<T, bool>) {
          out = *member ? "true" : "false";
        } else if constexpr (std::is_integral_v<T>) {
          out = std::to_string(*member);
        } else if constexpr (std::is_same_v<T, std::string>) {
          append_json_string(out, *member);  // a basic string of TOML is escaped in the same way
        } else {
          out = "[";
          for (const std::string& entry : *member) {
            if (out.size() > 1) out += ", ";
            append_json_string(out, entry);
          }
          out += "]";
        }
        return out;
      },
      value);
}

std::string Setting::allowed() const {
  Settings defaults;
  const SettingMember value = member(defaults);
  if (std::holds_alternative<bool*>(value)) return "true or false";
  if (std::holds_alternative<std::vector<std::string>*>(value)) {
    return "a list of at most " + std::to_string(max) + " texts";
  }
  if (const auto* text = std::get_if<std::string*>(&value); text != nullptr) {
    if (!choices.empty()) return choices_text(choices);
    std::string range = "a text of " + std::to_string(min) + ".." + std::to_string(max) + " bytes";
    if ((*text)->empty()) range += ", or empty";
    return range;
  }
  std::string range = std::to_string(min) + ".." + std::to_string(max);
  if (!unit.empty()) range.append(" ").append(unit);
  return range;
}

std::string Setting::default_text() const {
  Settings defaults;
  return to_toml(member(defaults));
}

std::string render_settings_file() {
  std::string out =
      "# Settings of flashsaled: every one there is, with its range and its default. What is left out has its "
      "default.\n"
      "# The environment variable in front of each wins over this file, and a flag --section.key=value over both.\n"
      "# Secrets are better kept in the environment or in a file of their own; the command line does not take them.\n";
  std::string_view section;
  for (const Setting& setting : setting_table()) {
    if (setting.section != section) {
      section = setting.section;
      out.append("\n# ").append(section_title(section)).append("\n[").append(section).append("]\n");
    }
    const std::string fallback = setting.default_text();
    std::string comment(setting.description);
    comment.append(".").append(secrecy_text(setting));
    out += '\n';
    append_wrapped(out, comment, "# ", 118);
    out.append("# ").append(setting.environment()).append(": ").append(setting.allowed());
    out.append("; default ").append(fallback).append("\n");
    out.append(setting.key).append(" = ").append(fallback).append("\n");
  }
  return out;
}

std::string describe_settings() {
  std::string out;
  std::string_view section;
  for (const Setting& setting : setting_table()) {
    if (setting.section != section) {
      section = setting.section;
      out.append(out.empty() ? "" : "\n").append(section_title(section)).append(":\n");
    }
    const bool flag = setting.secrecy == Secrecy::open;
    out.append("  ").append(flag ? "--" + setting.name() + "=" : setting.environment());
    out.append("  ").append(setting.allowed()).append("; default ").append(setting.default_text()).append("\n");
    append_wrapped(out, std::string(setting.description) + ".", "      ", 110);
  }
  return out;
}

std::string redacted_url(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return url.empty() ? "" : "***";  // key=value pairs hold passwords too
  const std::string_view scheme = url.substr(0, scheme_end + 3);
  std::string_view rest = url.substr(scheme.size());
  std::string out(scheme);
  // The last @ ends the user part even when a password holds unescaped characters: rather too much hidden.
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, at);
    const std::size_t colon = user.find(':');
    if (colon != std::string_view::npos) out.append(user.substr(0, colon)).append(":");
    out += "***@";
    rest.remove_prefix(at + 1);
  }
  const std::size_t query = rest.find('?');
  out += rest.substr(0, query);
  if (query != std::string_view::npos) out += "?***";
  return out;
}

std::string redacted(const Settings& settings) {
  Settings copy = settings;  // the table reaches members of a mutable object only
  std::string out;
  for (const Setting& setting : setting_table()) {
    if (!out.empty()) out += ' ';
    out.append(setting.name()).append("=");
    append_redacted(out, setting, setting.member(copy));
  }
  return out;
}

}  // namespace flashsale::app
