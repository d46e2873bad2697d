// Strings with `${…}` in them, taken apart: what is text, what is read from the config, from a
// slot, from the item of an `each`. Says nothing about whether what they name exists.
//
//   in programs   ${config} ${config.a.b}   ${slots} ${slots.s} ${slots.s.url}   ${item}
//   ${item.url} in config     the same; and $${config.a} as the whole string: the reference itself,
//   not its value
//
// There is no escape for a literal `${`. In a program `$$` has no meaning: it is a `$` and what
// follows. Messages show what stands between the braces and never the rest of the string.
// Tested by tests/unit/overlay/template_test.cpp.
#pragma once

#include "overlay/manifest/json_value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

struct TemplatePart {
  enum class Kind : std::uint8_t { literal, config, slot, item, symbolic };
  Kind kind = Kind::literal;
  std::string text; // a literal: itself; else the path behind the first dot, "": the whole
  bool operator==(const TemplatePart&) const = default;
};

struct Template {
  std::vector<TemplatePart> parts; // no empty literal, no two in a row; none for ""

  bool is_literal() const noexcept; // "" too
  bool operator==(const Template&) const = default;
};

struct TemplateFault {
  std::string code; // "manifest::invalid_interpolation" and such
  std::string message;
  std::string hint;
  std::string unquoted =
      {}; // the message without what it shows of the string; "": it shows nothing
};

// The message for where nothing of the string may be shown.
inline const std::string& unquoted_message(const TemplateFault& fault) noexcept {
  return fault.unquoted.empty() ? fault.message : fault.unquoted;
}

// nullopt exactly when `fault` was set.
std::optional<Template> parse_program_string(std::string_view text, TemplateFault& fault);
std::optional<Template> parse_config_string(std::string_view text, TemplateFault& fault);

Template literal_template(std::string_view text);
std::string to_string(const Template& value); // what parses to it again
// Whether the string names anything: what is neither is kept as it is.
bool has_interpolation(std::string_view text) noexcept;

// "s.url" of a slot part: the slot's name and the field, "" for all of it. The name is "" for all.
struct SlotQuery {
  std::string slot;
  std::string field;
};
SlotQuery slot_query(std::string_view text);

// `when` and `each`: config.<path>, slots.<slot>; `when` also slots.<slot>.url.
struct PathRef {
  enum class Source : std::uint8_t { config, slots };
  Source source = Source::config;
  std::string path; // behind the first dot, never empty
  bool operator==(const PathRef&) const = default;
};
std::optional<PathRef> parse_when(std::string_view text, TemplateFault& fault);
std::optional<PathRef> parse_each(std::string_view text, TemplateFault& fault);
std::string to_string(const PathRef& value);

// The parts as they stand in lowered programs: {"lit"} {"config"} {"slot","scope"} {"item"}.
// `scope` is the id of the component whose slots are meant. Strict: one known key, and nothing
// beside it.
Json parts_to_json(const Template& value, std::int64_t scope);
std::optional<Template> parts_from_json(const Json& list, TemplateFault& fault);

} // namespace sluice::overlay
