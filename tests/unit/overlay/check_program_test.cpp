#include "overlay/manifest/check_program.hpp"

#include "tests/unit/overlay/manifest_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

constexpr const char* kComponent = R"(
  config_schema: {type: 'object', properties: {a: {type: 'object', properties: {b: {}}}, l: {type: 'array'}}},
  slots: {s: {kind: 'http'}, m: {kind: 'mcp', multiple: true}, st: {kind: 'storage'}},
  resources: {r: {kind: 'storage'}}, )";

std::string found(std::string_view sections, std::string_view component = kComponent) {
  return codes(
      with(std::string(component) + "program: {path: '/p', " + std::string(sections) + "}"));
}

BOOST_AUTO_TEST_SUITE(check_program_tests)

BOOST_AUTO_TEST_CASE(what_fits_is_let_through) {
  BOOST_TEST(
      found(R"(args: ['${config}', '${config.a.b}', '${slots.s}', '${slots.s.url}', '${slots}',
      {each: 'slots.m', arg: '${item}${item.url}'}, {each: 'config.l', argv: ['${item.x.y}']},
      {when: 'slots.m', arg: ''}, {when: 'slots.s.url', arg: ''}],
    mounts: [{path: '/a', from: 'slots.st'}, {path: '/b', from: 'resources.r', name: 'n'},
             {path: '/c', from: 'config.a'}, {path: '/d/..x', from: 'config'}],
    network: {endpoints: [{name: 'a', port: 1}, {name: '${config.a}', port: 1}]})") == "");
}

BOOST_AUTO_TEST_CASE(every_fault_has_its_place) {
  struct Row {
    std::string_view text, codes;
  };
  const Row rows[] = {
      {"args: ['${config.c}']", "invalid_program /program/args/0\n"},
      {"args: ['${config.a.b.c}']", "invalid_program /program/args/0\n"},
      {"env: {A: '${slots.gone.url}'}", "invalid_program /program/env/A\n"},
      {"env: {A: '${slots.s.port}'}", "invalid_program /program/env/A\n"},
      {"env: {A: '${slots.s.url.x}'}", "invalid_program /program/env/A\n"},
      {"env: {A: '${slots.st}'}", "invalid_program /program/env/A\n"},
      {"env: {A: '${slots.m.url}'}", "invalid_program /program/env/A\n"},
      {"env: {A: '${item}'}", "invalid_program /program/env/A\n"},
      {"args: [{when: 'config.a', arg: '${item}'}]", "invalid_program /program/args/0\n"},
      {"args: [{each: 'slots.m', arg: '${item.port}'}]", "invalid_program /program/args/0\n"},
      {"args: [{each: 'slots.s', arg: 'x'}]", "invalid_program /program/args/0/each\n"},
      {"args: [{each: 'slots.gone', arg: 'x'}]", "invalid_program /program/args/0/each\n"},
      {"args: [{each: 'config.gone', arg: 'x'}]", "invalid_program /program/args/0/each\n"},
      {"args: [{when: 'config.gone', arg: 'x'}]", "invalid_program /program/args/0/when\n"},
      {"args: [{when: 'slots.s.gone', arg: 'x'}]", "invalid_program /program/args/0/when\n"},
      {"network: {endpoints: [{name: 'a', port: 1}, {name: 'a', port: 2}]}",
       "duplicate_endpoint_name /program/network/endpoints/1/name\n"},
      {"network: {endpoints: [{name: '', port: 1}]}",
       "validation_error /program/network/endpoints/0/name\n"},
      {"network: {endpoints: [{name: '${config.z}', port: '${config.z}', protocol: "
       "'${config.z}'}]}",
       "invalid_program /program/network/endpoints/0/name\n"
       "invalid_program /program/network/endpoints/0/protocol\n"
       "invalid_program /program/network/endpoints/0/port\n"},
      {"mounts: [{path: 'a', from: 'config'}]", "invalid_mount_path /program/mounts/0/path\n"},
      {"mounts: [{path: '/a/../b', from: 'config'}]",
       "invalid_mount_path /program/mounts/0/path\n"},
      {"mounts: [{path: '/..', from: 'config'}]", "invalid_mount_path /program/mounts/0/path\n"},
      {"mounts: [{path: '/a', from: 'config'}, {path: '/a', from: 'config.a'}]",
       "duplicate_mount_path /program/mounts/1/path\n"},
      {"mounts: [{path: '/a', from: 'config', name: 'n'}, {path: '/b', from: 'config', name: 'n'}]",
       "duplicate_mount_name /program/mounts/1/name\n"},
      {"mounts: [{path: '/a', from: 'config', name: 'n.m'}]",
       "invalid_name /program/mounts/0/name\n"},
      {"mounts: [{path: '/a', from: 'config.gone'}]",
       "invalid_mount_config_path /program/mounts/0/from\n"},
      {"mounts: [{path: '/a', from: 'slots.gone'}]", "unknown_mount_slot /program/mounts/0/from\n"},
      {"mounts: [{path: '/a', from: 'slots.s'}]",
       "mount_slot_requires_storage /program/mounts/0/from\n"},
      {"mounts: [{path: '/a', from: 'resources.gone'}]",
       "unknown_mount_resource /program/mounts/0/from\n"},
      {"mounts: [{path: '/a', from: 'framework.gone'}]",
       "unknown_framework_capability /program/mounts/0/from\n"},
      {"mounts: [{path: '/a', from: 'framework.component'}]",
       "unsupported_mount_source /program/mounts/0/from\n"},
      {"mounts: [{path: '/a', from: 'framework.docker'}]",
       "framework_capability_requires_feature /program/mounts/0/from\n"},
  };
  for (const Row& row : rows) BOOST_TEST(found(row.text) == row.codes, row.text);
  BOOST_TEST(found("args: ['${config.a}'], mounts: [{path: '/a', from: 'config'}]", "") ==
             "invalid_program /program/args/0\ninvalid_mount_config_path /program/mounts/0/from\n");
  // A schema that is refused has one report, not one for each use.
  BOOST_TEST(found("args: ['${config.a}']", "config_schema: {type: 'string'}, ") ==
             "invalid_config_schema /config_schema/type\n");
}

BOOST_AUTO_TEST_CASE(a_plans_program_is_checked_without_any_feature) {
  Program program;
  program.form = Program::Form::path;
  program.location = literal_template("/opt/x");
  Mount mount;
  mount.path = literal_template("/var/run/docker.sock");
  mount.source = MountSource{MountSource::Kind::framework, "docker"};
  program.mounts.push_back(mount);
  const auto faults = check_program(program, {{}, {}, nullptr, {}});
  BOOST_TEST_REQUIRE(faults.size() == 1U);
  BOOST_TEST(faults[0].pointer == "/mounts/0/from");
  BOOST_TEST(faults[0].code == "manifest::framework_capability_requires_feature");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
