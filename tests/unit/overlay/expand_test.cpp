#include "tests/unit/overlay/manifest_support.hpp"

#include "overlay/config/expand.hpp"

namespace {

using namespace sluice::overlay;
using namespace sluice::overlay::test;

constexpr const char* kAround = R"(config_schema: {type: 'object', properties: {a: {}, n: {},
  l: {}, o: {type: 'object', properties: {k: {}}}}},
  slots: {one: {kind: 'http', optional: true}, all: {kind: 'http', optional: true, multiple: true},
  gone: {kind: 'http', optional: true}}, resources: {disk: {kind: 'storage'}}, )";

struct Expanded {
  std::optional<ExpandedProgram> program;
  std::vector<ConfigFault> faults;
};

Expanded expanded(const std::string& program, const Json& config) {
  const Manifest manifest = valid(with(kAround + ("program: " + program)));
  const auto urls = [](const std::string& slot) -> std::vector<std::string> {
    if (slot == "one") return {"http://1"};
    if (slot == "all") return {"http://1", "http://2"};
    return {};
  };
  Expanded out;
  out.program =
      expand_program(*manifest.program, {config, {"all", "gone", "one"}, urls}, out.faults);
  BOOST_TEST(out.program.has_value() == out.faults.empty());
  return out;
}

std::string args(const std::string& list, const Json& config) {
  const Expanded out = expanded("{path: './p', args: " + list + "}", config);
  if (!out.program) return out.faults[0].pointer + ": " + out.faults[0].message;
  std::string text;
  for (const std::string& word : out.program->command) text += '<' + word + '>';
  return text;
}

BOOST_AUTO_TEST_SUITE(expand)

BOOST_AUTO_TEST_CASE(strings_get_their_values) {
  const Json config = {{"a", "x y"}, {"n", 5}, {"l", {"p", "q"}}, {"o", {{"k", true}}}};
  const std::pair<std::string, std::string> rows[] = {
      {"'-a ${config.a}'", "<-a><x y>"}, // split before it is filled in
      {"['${config.n}', '${config.o.k}', '${config.o}']", "<5><true><{\"k\":true}>"},
      {"['${slots.one.url}', '${slots.one}']", "<http://1><{\"url\":\"http://1\"}>"},
      {"['${slots}']", "<{\"all\":[{\"url\":\"http://1\"},{\"url\":\"http://"
                       "2\"}],\"one\":{\"url\":\"http://1\"}}>"},
      {"[{when: 'config.n', argv: ['--n', '${config.n}']}]", "<--n><5>"},
      {"[{when: 'slots.gone', arg: 'no'}, {when: 'slots.one.url', arg: 'yes'}]", "<yes>"},
      {"[{each: 'config.l', arg: '-${item}'}]", "<-p><-q>"},
      {"[{each: 'config.l', argv: ['-x', '${item}']}]", "<-x><p><-x><q>"},
      {"[{each: 'config.l', arg: '${item}', join: ','}]", "<p,q>"},
      {"[{each: 'slots.all', arg: '${item.url}', join: ' '}]", "<http://1 http://2>"},
      {"[{each: 'config.n', arg: '${item}'}]", "/args/0/each: config.n is no list"},
      {"[{each: 'config.l', arg: '${item.deep}'}]", "/args/0: item.deep has no value here"},
      {"['$${config.n}']", "<$5>"},
  };
  for (const auto& [written, wanted] : rows) BOOST_TEST(args(written, config) == wanted, written);
}

BOOST_AUTO_TEST_CASE(what_is_absent_is_left_out_or_a_fault) {
  const Json config = {{"a", nullptr}, {"l", Json::array()}};
  BOOST_TEST(args("[{when: 'config.a', arg: 'x'}, {when: 'config.n', arg: 'y'}]", config) == "");
  BOOST_TEST(args("[{each: 'config.l', arg: 'x', join: ','}]", config) == "");
  BOOST_TEST(args("[{each: 'config.n', arg: 'x'}, 'z']", config) == "<z>");
  BOOST_TEST(args("['${config.n}']", config) == "/args/0: config.n has no value here");
  BOOST_TEST(args("['${slots.gone.url}']", config) == "/args/0: slots.gone.url has no value here");
  BOOST_TEST(args("['${config.n}']", {{"n", std::string(1, '\0')}}) ==
             "/args/0: the value holds a NUL");
}

BOOST_AUTO_TEST_CASE(the_other_parts_too) {
  const Expanded out = expanded(R"({image: 'i:${config.n}', entrypoint: ['x'],
    env: {A: '${config.a}', L: {each: 'config.l', value: '${item}', join: ';'},
          W: {when: 'slots.gone', value: '1'}},
    network: {endpoints: [{name: 'e', port: '${config.n}'}, {name: 'f', port: 2, protocol: 'tcp'}]},
    mounts: [{path: '/c', from: 'config.o'}, {path: '/d', from: 'resources.disk'}]})",
                                Json({{"a", "v"}, {"n", 80}, {"l", {1, 2}}, {"o", {{"k", 1}}}}));
  BOOST_TEST_REQUIRE(out.program.has_value(), out.faults.size());
  BOOST_TEST(out.program->location == "i:80");
  BOOST_TEST((out.program->env == std::map<std::string, std::string>{{"A", "v"}, {"L", "1;2"}}));
  BOOST_TEST_REQUIRE(out.program->endpoints.size() == 2U);
  BOOST_TEST(out.program->endpoints[0].port == 80);
  BOOST_TEST((out.program->endpoints[1].protocol == Protocol::tcp));
  BOOST_TEST_REQUIRE(out.program->mounts.size() == 2U);
  BOOST_TEST(out.program->mounts[0].content == "{\"k\":1}");
  BOOST_TEST(out.program->mounts[1].source.name == "disk");
}

BOOST_AUTO_TEST_CASE(wrong_endpoints_and_mounts_are_told) {
  const auto fault = [](const std::string& sections, const Json& config) {
    const Expanded out = expanded("{path: './p', " + sections + "}", config);
    return out.program ? std::string() : out.faults[0].pointer;
  };
  const char* port = "network: {endpoints: [{name: 'e', port: '${config.n}'}]}";
  for (const Json& wrong : {Json(0), Json(65536), Json("x"), Json(-1)}) {
    BOOST_TEST(fault(port, {{"n", wrong}}) == "/network/endpoints/0/port");
  }
  BOOST_TEST(fault("network: {endpoints: [{name: '${config.a}', port: 1}, {name: 'x', port: 2}]}",
                   {{"a", "x"}}) == "/network/endpoints/1/name");
  BOOST_TEST(fault("network: {endpoints: [{name: 'x', port: 1, protocol: '${config.a}'}]}",
                   {{"a", "udp"}}) == "/network/endpoints/0/protocol");
  for (const char* path : {"x", "/a/../b", ""}) {
    BOOST_TEST(fault("mounts: [{path: '${config.a}', from: 'config.a'}]", {{"a", path}}) ==
               "/mounts/0/path");
  }
  BOOST_TEST(fault("mounts: [{path: '/x', from: '${config.a}'}]", {{"a", "etc.passwd"}}) ==
             "/mounts/0/from");
}

BOOST_AUTO_TEST_CASE(a_program_cannot_grow_without_bound) {
  Json list = Json::array();
  for (int i = 0; i < 10'000; ++i) list.push_back(i);
  const Expanded out = expanded("{path: './p', args: [{each: 'config.l', arg: '${config.a}'}]}",
                                {{"a", std::string(100'000, 'x')}, {"l", list}});
  BOOST_TEST_REQUIRE(!out.faults.empty());
  BOOST_TEST(out.faults[0].message.find("8 MiB") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
