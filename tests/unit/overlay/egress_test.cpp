#include "overlay/plan/request.hpp"
#include "overlay/scenario/egress.hpp"
#include "tests/unit/overlay/scenario_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

Linked linked(const std::string& select) {
  return must_link({{"root", with("components: {a: 'a', none: 'n'}, use: {m: {builtin: 'policy', "
                                  "select: {" +
                                  select + "}}}, overlays: ['#m.apply']")},
                    {"a", with(std::string(kServer) + "components: {b: 'b'}")},
                    {"b", with("program: {image: 'i', entrypoint: ['x']}")},
                    {"n", with("")}});
}

BOOST_AUTO_TEST_SUITE(egress)

BOOST_AUTO_TEST_CASE(each_program_has_one) {
  const Linked out = linked("");
  std::string found;
  for (const EgressEdge& one : egress_edges(out.scenario)) {
    found += out.scenario.at(one.component).moniker + (one.declared ? " declared " : " ");
  }
  BOOST_TEST(found == "/a /a/b ");
  // Amber's overlays are not told of it.
  BOOST_TEST(request_of(out.scenario, scope_of(out.scenario, 0)).dump().find("egress") ==
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(selectors_name_it_by_kind) {
  const auto selected = [](const std::string& select) {
    const Linked out = linked(select);
    std::string monikers;
    for (const ComponentId id : out.overlays.at(0).egress) {
      monikers += out.scenario.at(id).moniker + ' ';
    }
    return monikers;
  };
  BOOST_TEST(selected("kind: 'egress'") == "/a /a/b ");
  BOOST_TEST(selected("kind: ['http', 'egress'], component: 'a'") == "/a ");
  BOOST_TEST(selected("kind: 'egress', edge: 'export'") == "");
  BOOST_TEST(selected("") == ""); // who means it says so
}

BOOST_AUTO_TEST_CASE(no_manifest_declares_it) {
  for (const char* section :
       {"slots: {s: {kind: 'egress'}}", "program: {path: './p'}, provides: {p: "
                                        "{kind: 'egress', endpoint: 'e'}}"}) {
    BOOST_TEST(!resolved({{"root", with(section)}}).tree.has_value(), section);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
