// A manifest from its text, and what was said about it. Nothing else.
#pragma once

#include "overlay/manifest/parse_manifest.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <string_view>

namespace sluice::overlay::test {

inline ReadFile files(std::map<std::string, std::string> all) {
  return [all = std::move(all)](const std::string& name) -> Result<std::string> {
    const auto found = all.find(name);
    if (found == all.end()) return make_error(Origin::config, "not_found", "no such file");
    return found->second;
  };
}

struct Parsed {
  std::optional<Manifest> manifest;
  Diagnostics problems;
  std::string text; // of all problems
};

inline Parsed parse(std::string_view text, const ReadFile& read_file = files({})) {
  Parsed out;
  out.manifest = parse_manifest(text, "m.json5", read_file, out.problems);
  out.text = format(out.problems);
  BOOST_TEST(out.manifest.has_value() == !has_errors(out.problems), out.text);
  return out;
}

inline Manifest valid(std::string_view text, const ReadFile& read_file = files({})) {
  Parsed out = parse(text, read_file);
  BOOST_TEST_REQUIRE(out.manifest.has_value(), text << '\n' << out.text);
  return *std::move(out.manifest);
}

// A manifest of the newest version with these sections.
inline std::string with(std::string_view sections) {
  return "{manifest_version: '0.4.0', " + std::string(sections) + "}";
}

// "<code> <pointer>" of each problem, one per line.
inline std::string codes(std::string_view text, const ReadFile& read_file = files({})) {
  std::string out;
  for (const Diagnostic& one : parse(text, read_file).problems) {
    BOOST_TEST(one.line > 0, one.message);
    out += one.code.substr(one.code.find("::") + 2) + ' ' + one.pointer + '\n';
  }
  return out;
}

} // namespace sluice::overlay::test
