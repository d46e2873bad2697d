// The schema of sluice.yaml: whole, and no stricter than the loader.
#include "proxy/runtime/config.hpp"
#include "tests/support/schema_mutations.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <set>

namespace {

using sluice::Node;
using sluice::testing::SchemaCheck;

Node tree(std::string_view text) {
  sluice::Diagnostics problems;
  const auto document = sluice::parse_document(text, "f", problems);
  BOOST_TEST(sluice::format(problems) == "");
  return document ? document->root : Node();
}

const sluice::Schema& schema() {
  static const auto one = sluice::runtime::config_schema();
  return one;
}

} // namespace

BOOST_AUTO_TEST_SUITE(config_schema)

BOOST_AUTO_TEST_CASE(the_complete_configuration_shows_every_key) {
  BOOST_TEST(sluice::format(schema().problems) == "");
  for (const auto& pointer : schema().untyped)
    BOOST_ERROR("complete_config.yaml does not show " + pointer);
  BOOST_TEST(SchemaCheck(schema()).fault(tree(sluice::runtime::kCompleteConfig)) == "");
  BOOST_TEST(schema().text == sluice::runtime::config_schema().text); // the same each time
}

// A kind of its own may have keys of its own, which only an example of the kind shows.
BOOST_AUTO_TEST_CASE(the_complete_configuration_has_every_kind_of_listener) {
  const Node written = tree(sluice::runtime::kCompleteConfig);
  std::set<std::string> seen, known;
  for (const Node& item : written.find("listeners")->items) seen.insert(item.find("kind")->text);
  const Node root = tree(schema().text);
  const Node* place = &root;
  for (const char* key : {"properties", "listeners", "items", "properties", "kind", "enum"})
    place = place->find(key);
  for (const Node& word : place->items) known.insert(word.text);
  BOOST_TEST(seen == known, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_the_schema_refuses_the_loader_refuses) {
  sluice::testing::SchemaMutations mutations(
      schema(), tree(sluice::runtime::kCompleteConfig), [](const std::string& text) {
        return sluice::runtime::load_config_text(text, "sluice.yaml").config.has_value();
      });
  for (const auto& what : mutations.run()) BOOST_ERROR(what);
  BOOST_TEST(mutations.tried() > 500U);
}

BOOST_AUTO_TEST_CASE(what_loads_fits) {
  std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/starters/sluice.yaml");
  const std::string starter{std::istreambuf_iterator<char>(in), {}};
  const std::string head = "version: 1\nlisteners: [{name: a, kind: dns, bind: \"127.0.0.1:0\"}]\n"
                           "policy: p.yaml\n";
  const SchemaCheck check(schema());
  for (const std::string& text :
       {starter, head, head + "admin: {bind: \"unix:./sluice.sock\"}\n",
        head + "evidence: {anchor: {url: \"https://witness.example/x\"}, segment_size: 65536}\n",
        head + "limits: {}\ntls: {extra_roots: []}\nsecrets: []\nresolve: {}\n"}) {
    const auto load = sluice::runtime::load_config_text(text, "sluice.yaml");
    BOOST_TEST(load.config.has_value(), sluice::format(load.diagnostics));
    BOOST_TEST(check.fault(tree(text)) == "", text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
