// Scenarios from manifests that are given as text, by path below "/s/".
#pragma once

#include "overlay/scenario/link.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <string_view>

namespace sluice::overlay::test {

using Texts = std::map<std::string, std::string>;

inline ReadManifest reading(Texts texts) {
  return [texts = std::move(texts)](const std::string& path, std::size_t) -> Result<std::string> {
    const auto found = texts.find(path.starts_with("/s/") ? path.substr(3) : path);
    if (found == texts.end()) return make_error(Origin::config, "file_unreadable", "no such file");
    return found->second;
  };
}

// "<code> <file>:<pointer>" of each problem, one per line.
inline std::string told(const Diagnostics& problems) {
  std::string out;
  for (const Diagnostic& one : problems)
    out += one.code + ' ' + one.file + ':' + one.pointer + '\n';
  return out;
}

struct Resolved {
  std::optional<ResolvedTree> tree;
  Diagnostics problems;
};

inline Resolved resolved(const Texts& texts, bool allow_outside = false) {
  Resolved out;
  ResolveOptions options;
  options.read = reading(texts);
  options.allow_outside = allow_outside;
  out.tree = resolve("/s/x/../root", options, out.problems);
  BOOST_TEST(out.tree.has_value() == !has_errors(out.problems), format(out.problems));
  return out;
}

struct LinkResult {
  std::optional<Linked> linked;
  Diagnostics problems;
};

inline LinkResult try_link(const Texts& texts) {
  Resolved all = resolved(texts);
  BOOST_TEST_REQUIRE(all.tree.has_value(), format(all.problems));
  LinkResult out;
  out.problems = std::move(all.problems);
  out.linked = link(*all.tree, out.problems);
  BOOST_TEST(out.linked.has_value() == !has_errors(out.problems), format(out.problems));
  return out;
}

inline Linked must_link(const Texts& texts) {
  LinkResult out = try_link(texts);
  BOOST_TEST_REQUIRE(out.linked.has_value(), format(out.problems));
  return *std::move(out.linked);
}

inline std::string with(std::string_view sections) {
  return "{manifest_version: '0.4.0', " + std::string(sections) + "}";
}

// An http endpoint `e`, and nothing else.
inline constexpr std::string_view kServer =
    "program: {path: './p', network: {endpoints: [{name: 'e', port: 80}]}}, ";

// "from -> to", and exports behind, one per line.
inline std::string shown(const Scenario& scenario) {
  std::string out;
  for (const Edge& edge : scenario.edges) {
    out += to_string(scenario, edge) + (edge.weak ? " weak" : "") + '\n';
  }
  for (const ScenarioExport& one : scenario.exports) {
    out += one.name + " <- " + to_string(scenario, one.from) + '\n';
  }
  return out;
}

} // namespace sluice::overlay::test
