#include "overlay/manifest/selector.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

BOOST_AUTO_TEST_SUITE(selector)

BOOST_AUTO_TEST_CASE(globs_match_components) {
  struct Row {
    std::string_view glob, component;
    bool matches;
  };
  const Row rows[] = {
      {"agent", "agent", true},
      {"agent", "agents", false},
      {"agent", "team/agent", false},
      {"*", "agent", true},
      {"*", "team/agent", false},
      {"**", "team/agent", true},
      {"team/*", "team/a", true},
      {"team/*", "team/a/b", false},
      {"team/**", "team/a/b", true},
      {"team/**", "team", false},
      {"**/agent", "a/b/agent", true},
      {"*-tool", "web-tool", true},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbY", false},
      {".", ".", true},
      {"*", ".", false},
      {"**", ".", true},
      {"a/**/b", "a/x/y/b", true},
      {"a**", "a/b", true},
      {"", "", true},
      {"", "a", false},
  };
  for (const Row& row : rows) {
    BOOST_TEST(matches_component(row.glob, row.component) == row.matches,
               row.glob << " " << row.component);
  }
  // Quadratic at worst, where backtracking would never end.
  std::string stars, text(2'000, 'a');
  for (int i = 0; i < 100; ++i) stars += "*a";
  BOOST_TEST(!matches_component(stars + "b", text));
}

BOOST_AUTO_TEST_CASE(lists_narrow_and_nothing_selects_all) {
  EdgeFacts edge;
  edge.capability = {Kind::a2a, std::nullopt};
  edge.side = EdgeSide::import;
  edge.components = {"agent"};
  Selector selector;
  BOOST_TEST(selects(selector, edge));
  selector.kinds = {Kind::mcp};
  BOOST_TEST(!selects(selector, edge));
  selector.kinds.push_back(Kind::a2a);
  BOOST_TEST(selects(selector, edge));
  selector.profiles = {std::string("x")};
  BOOST_TEST(!selects(selector, edge));
  selector.profiles.emplace_back();
  BOOST_TEST(selects(selector, edge));
  selector.sides = {EdgeSide::binding};
  BOOST_TEST(!selects(selector, edge));
  selector.sides.push_back(EdgeSide::import);
  selector.components = {"tools/**", "agent"};
  BOOST_TEST(selects(selector, edge));
  edge.components = {"other", "tools/web"};
  BOOST_TEST(selects(selector, edge));
  edge.components = {"."};
  BOOST_TEST(!selects(selector, edge));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
