#include "tests/unit/overlay/manifest_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

constexpr const char* kParts = R"(
  components: {a: 'a', b: 'b'}, slots: {s: {kind: 'http'}}, resources: {r: {kind: 'storage'}},
  provides: {p: {kind: 'http', endpoint: 'e'}},
  program: {path: './p', network: {endpoints: [{name: 'e', port: 1}]}}, )";

std::string binding(std::string_view text) {
  return codes(with(std::string(kParts) + "bindings: [" + std::string(text) + "]"));
}

std::string exported(std::string_view target) {
  return codes(with(std::string(kParts) + "exports: {x: '" + std::string(target) + "'}"));
}

BOOST_AUTO_TEST_SUITE(parse_wiring_tests)

BOOST_AUTO_TEST_CASE(both_forms_of_bindings_mean_the_same) {
  const Manifest out = valid(with(std::string(kParts) + R"(bindings: [
    {to: '#a.in', from: '#b.out', weak: true},
    {to: '#a', slot: 'in', from: '#b', capability: 'out', weak: true},
    {to: '#a.in', from: 'slots.s'},
    {to: '#a', slot: 'in', from: 'provides', capability: 'p'},
    {to: '#a.in', from: 'resources.r'},
    {to: '#a.in', from: 'framework.component'}])"));
  BOOST_TEST((out.bindings.at(0) == out.bindings.at(1)));
  BOOST_TEST(out.bindings.at(0).weak);
  std::string found;
  for (const Binding& one : out.bindings) found += to_string(one.from) + ' ';
  BOOST_TEST(found == "#b.out #b.out slots.s provides.p resources.r framework.component ");
}

BOOST_AUTO_TEST_CASE(every_wrong_binding_has_its_code) {
  struct Row {
    std::string_view text, code;
  };
  const Row rows[] = {
      {"{to: '#a.in', slot: 'in', from: '#b', capability: 'x'}", "mixed_binding_form /bindings/0"},
      {"{to: '#a', slot: 'in', from: '#b.out', capability: 'x'}", "mixed_binding_form /bindings/0"},
      {"{to: '#a', slot: 'in', from: '#b'}", "invalid_binding /bindings/0"},
      {"{to: '#a.in', from: '#b', capability: 'x'}", "invalid_binding /bindings/0"},
      {"{to: '#a', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: '#a.', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: '#a.in.x', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: '#.in', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: 'a.in', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: 'slots.s', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: 'framework.docker', from: '#b.x'}", "invalid_binding /bindings/0/to"},
      {"{to: 'self.s', from: '#b.x'}", "binding_target_self /bindings/0/to"},
      {"{to: '#gone.in', from: '#b.x'}", "unknown_binding_child /bindings/0/to"},
      {"{to: '#a.in', from: '#gone.x'}", "unknown_binding_child /bindings/0/from"},
      {"{to: '#a.in', from: 'b.x'}", "invalid_binding /bindings/0/from"},
      {"{to: '#a.in', from: '#b.x.y'}", "invalid_binding /bindings/0/from"},
      {"{to: '#a', slot: 'i.n', from: '#b', capability: 'x'}", "invalid_binding /bindings/0/slot"},
      {"{to: '#a.in', from: 'slots.gone'}", "unknown_binding_source /bindings/0/from"},
      {"{to: '#a.in', from: 'provides.gone'}", "unknown_binding_source /bindings/0/from"},
      {"{to: '#a.in', from: 'self.gone'}", "unknown_binding_source /bindings/0/from"},
      {"{to: '#a.in', from: 'resources.gone'}", "unknown_binding_resource /bindings/0/from"},
      {"{to: '#a.in', from: 'framework.gone'}", "unknown_framework_capability /bindings/0/from"},
      {"{to: '#a.in', from: 'framework.kvm'}",
       "framework_capability_requires_feature /bindings/0/from"},
      {"{to: '#a.in'}", "validation_error /bindings/0"},
      {"{to: '#a.in', from: '#b.x', week: true}", "validation_error /bindings/0/week"},
      {"{to: '#a.in', from: '#b.x', weak: 'yes'}", "validation_error /bindings/0/weak"},
      {"'#a.in'", "validation_error /bindings/0"},
  };
  for (const Row& row : rows) {
    const std::string found = binding(row.text);
    BOOST_TEST(found.find(row.code) == 0U, row.text << " -> " << found);
  }
}

BOOST_AUTO_TEST_CASE(self_is_read_with_a_warning) {
  BOOST_TEST(binding("{to: '#a.in', from: 'self.p'}, {to: '#a.in', from: 'self.s'}") ==
             "legacy_self /bindings/0/from\nlegacy_self /bindings/1/from\n");
  BOOST_TEST(exported("self.p") == "legacy_self /exports/x\n");
}

BOOST_AUTO_TEST_CASE(exports_name_a_provide_a_slot_or_a_childs_export) {
  const Manifest out = valid(with(std::string(kParts) + R"(exports: {
    a: 'provides.p', b: 'slots.s', c: '#a.x', d: 'p', e: 's'})"));
  std::string found;
  for (const auto& [name, target] : out.exports) found += name + '=' + to_string(target) + ' ';
  BOOST_TEST(found == "a=provides.p b=slots.s c=#a.x d=provides.p e=slots.s ");
}

BOOST_AUTO_TEST_CASE(every_wrong_export_has_its_code) {
  struct Row {
    std::string_view target, code;
  };
  const Row rows[] = {
      {"gone", "unknown_export_target"},      {"provides.gone", "unknown_export_target"},
      {"slots.p", "unknown_export_target"},   {"provides.s", "unknown_export_target"},
      {"#gone.x", "unknown_export_child"},    {"framework.docker", "invalid_export_target"},
      {"framework", "invalid_export_target"}, {"resources.r", "invalid_export_target"},
      {"a.x", "invalid_export_target"},       {"#a.", "invalid_export_target"},
      {".x", "invalid_export_target"},        {"#a.x.y", "invalid_name"},
      {"#.x", "invalid_export_target"},       {"self.gone", "unknown_export_target"},
  };
  for (const Row& row : rows) {
    BOOST_TEST(exported(row.target) == std::string(row.code) + " /exports/x\n", row.target);
  }
  BOOST_TEST(codes(with(std::string(kParts) + "exports: {'a.b': 'p', c: 1}")) ==
             "validation_error /exports/c\ninvalid_name /exports/a.b\n");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
