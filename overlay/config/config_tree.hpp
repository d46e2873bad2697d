// The config of one component before it runs: what its author wrote, put together with what its
// parent has, so that everything that is not known yet is a reference into the config of the
// scenario's ROOT. Holds literal values (perhaps secrets that somebody typed), never one that is
// given at run time. Tested by tests/unit/overlay/compose_test.cpp.
#pragma once

#include "overlay/manifest/json_value.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

struct ConfigText { // a piece of a string
  bool reference = false;
  std::string text; // itself, or a path of the root's config
  bool operator==(const ConfigText&) const = default;
};

struct ConfigTree {
  enum class Kind : std::uint8_t {
    literal,   // a value of any shape
    object,    // something in it is no literal
    list,      // the same
    reference, // to a path of the root's config; "": all of it
    text,      // a string with references in it
    symbolic,  // a reference that is handed on as text: who reads it does not get the value
  };
  Kind kind = Kind::literal;
  Json literal;
  std::map<std::string, ConfigTree> members;
  std::vector<ConfigTree> items;
  std::string path; // reference: in the root; symbolic: in the config of the component around it
  std::vector<ConfigText> parts; // text; symbolic: what it stands for, seen from the root

  bool is_static() const noexcept { return kind == Kind::literal; }
  bool operator==(const ConfigTree&) const = default;
};

ConfigTree literal_config(Json value);
ConfigTree reference_config(std::string root_path);
// What a symbolic reference reads as: "${config.x}", relative to the component around it; for all
// of its config "${config.}", as Amber has it.
std::string symbolic_text(const ConfigTree& symbolic);

// For messages and tests, never for a program: references as "${config.<root path>}".
Json shown_config(const ConfigTree& tree);

// The paths of the root that are needed to know the value. Symbolic references need none.
void collect_runtime_paths(const ConfigTree& tree, std::set<std::string>& out);
// The paths of the root that stand behind symbolic references.
void collect_symbolic_paths(const ConfigTree& tree, std::set<std::string>& out);

// The value as far as it is known; null where it is not, with the pointers of those places.
Json known_part(const ConfigTree& tree, std::set<std::string>& unknown);

// "db.key" is within "db", "" and itself.
bool is_within_path(std::string_view path, std::string_view of) noexcept;
std::string path_pointer(std::string_view path); // "/db/key"
// Scalars as they are, strings without quotes, the rest as compact JSON.
std::string text_of(const Json& value);

} // namespace sluice::overlay
