#include "overlay/plan/decode.hpp"

#include "overlay/manifest/manifest_json.hpp"
#include "tests/support/plans.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::Diagnostics;
using sluice::test::base_interposition;
using sluice::test::plan_of;

std::string refused(const std::string& body) {
  Diagnostics problems;
  BOOST_TEST(!decode_plan(body, "/guard", problems).has_value(), body);
  for (const auto& one : problems) BOOST_TEST(one.code == kPlanDecodeCode);
  return format(problems);
}

InterpositionPlan decoded(const std::string& body) {
  Diagnostics problems;
  auto plan = decode_plan(body, "/guard", problems);
  BOOST_TEST_REQUIRE(plan.has_value(), body << '\n' << format(problems));
  BOOST_TEST(problems.empty());
  return *std::move(plan);
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Json with_program(const std::string& program) {
  Json out = base_interposition();
  out["interposer"]["program"] = Json::parse(program);
  return out;
}

Program program_of(const std::string& program) {
  auto plan = decoded(plan_of(with_program(program)).dump());
  BOOST_TEST(plan.interpositions.at(0).interposer.template_fault == "");
  return plan.interpositions.at(0).interposer.program.value();
}

BOOST_AUTO_TEST_SUITE(decode)

// Reference §2.2, the worked response.
BOOST_AUTO_TEST_CASE(reads_every_field) {
  const std::string body = R"({"interpositions":[{
  "interposer":{
    "config":{"hide":["${config.pin}"]},
    "config_schema":{"type":"object","properties":{"hide":{"type":"array","items":{"type":"string"}}},"required":["hide"]},
    "program":{"path":"/opt/interposer","args":["--redact"],
      "env":{"UP":"${slots.up.url}","HIDE":"${config.hide}"},
      "network":{"endpoints":[{"name":"d","port":7000}]}},
    "slots":{"up":{"kind":"a2a"}},
    "provides":{"down":{"kind":"a2a","endpoint":"d"}},
    "resources":{"disk":{"kind":"storage","params":{"size":"1Gi"}}},
    "metadata":[1]},
  "attachments":[{"target":0,"interposer_slot":"up","interposer_provide":"down"}]}]})";
  const InterpositionPlan plan = decoded(body);
  BOOST_TEST_REQUIRE(plan.interpositions.size() == 1U);
  const Interposition& one = plan.interpositions[0];
  BOOST_TEST(one.written == Json::parse(body)["interpositions"][0]);
  BOOST_TEST((one.attachments == std::vector<Attachment>{{0, "up", "down"}}));
  BOOST_TEST((*one.interposer.config == Json{{"hide", {"${config.pin}"}}}));
  BOOST_TEST(one.interposer.config_schema->at("type") == "object");
  BOOST_TEST((one.interposer.slots.at("up").capability == Capability{Kind::a2a, std::nullopt}));
  BOOST_TEST(*one.interposer.provides.at("down").endpoint == "d");
  BOOST_TEST(to_string(*one.interposer.resources.at("disk").size) == "1Gi");
  BOOST_TEST(*one.interposer.metadata == Json::array({1}));
  const Program& program = *one.interposer.program;
  BOOST_TEST(to_string(program.location) == "/opt/interposer");
  BOOST_TEST(to_string(program.env.at("UP").value) == "${slots.up.url}");
  BOOST_TEST(to_string(program.endpoints.at(0).protocol) == "http");
}

// Case 22.
BOOST_AUTO_TEST_CASE(nothing_may_be_left_out_or_added) {
  BOOST_TEST(refused("{}") == "/guard:1:1: the key \"interpositions\" is missing "
                              "[compiler::overlay_pass_interposition_plan_deserialize]\n");
  BOOST_TEST(holds(refused(R"({"interposition":[]})"), "unknown key \"interposition\""));
  const std::string text = refused(R"({"interpositions":"s3cret"})");
  BOOST_TEST(holds(text, "/guard:1:19: interpositions: expected a list, found a string"));
  BOOST_TEST(!holds(text, "s3cret"));
  BOOST_TEST(decoded(R"({"interpositions":[]})").interpositions.empty());
  BOOST_TEST(decoded(" {\"interpositions\" : []}\r\n").interpositions.empty());
  Json one = base_interposition();
  one.erase("attachments");
  BOOST_TEST(
      holds(refused(plan_of(one).dump()), "interpositions[0]: the key \"attachments\" is missing"));
  one = base_interposition();
  one.erase("interposer");
  BOOST_TEST(holds(refused(plan_of(one).dump()), "the key \"interposer\" is missing"));
  one = base_interposition();
  one["attachments"] = Json::array();
  BOOST_TEST(decoded(plan_of(one).dump()).interpositions[0].attachments.empty());
}

BOOST_AUTO_TEST_CASE(unknown_keys_are_errors_at_every_level) {
  for (const char* at :
       {"", "/interpositions/0", "/interpositions/0/attachments/0", "/interpositions/0/interposer",
        "/interpositions/0/interposer/program", "/interpositions/0/interposer/program/network",
        "/interpositions/0/interposer/program/network/endpoints/0",
        "/interpositions/0/interposer/slots/in", "/interpositions/0/interposer/provides/out"}) {
    Json plan = plan_of(base_interposition());
    plan[Json::json_pointer(at)]["child_templates"] = "s3cret";
    const std::string text = refused(plan.dump());
    BOOST_TEST(holds(text, "child_templates: unknown key \"child_templates\""), text);
    BOOST_TEST(!holds(text, "s3cret"), text);
  }
}

BOOST_AUTO_TEST_CASE(shapes_are_checked_at_every_level) {
  const std::pair<const char*, const char*> wrong[] = {
      {"/interpositions/0", "[]"},
      {"/interpositions/0/interposer", "\"s3cret\""},
      {"/interpositions/0/interposer/slots", "[\"s3cret\"]"},
      {"/interpositions/0/interposer/slots", "null"},
      {"/interpositions/0/interposer/slots/in/kind", "\"s3cret\""},
      {"/interpositions/0/interposer/slots/in/optional", "\"s3cret\""},
      {"/interpositions/0/interposer/provides/out/endpoint", "{\"a\": \"s3cret\"}"},
      {"/interpositions/0/interposer/program", "\"s3cret\""},
      {"/interpositions/0/interposer/program/path", "7"},
      {"/interpositions/0/interposer/program/network/endpoints/0/port", "\"s3cret\""},
      {"/interpositions/0/interposer/program/network/endpoints/0/port", "65536"},
      {"/interpositions/0/interposer/program/network/endpoints/0/name", "\"\""},
      {"/interpositions/0/interposer/program/network/endpoints/0/protocol", "\"s3cret\""},
      {"/interpositions/0/interposer/program/args", "\"s3cret 'open\""},
      {"/interpositions/0/interposer/program/args", "[{\"arg\": \"s3cret\", \"argv\": []}]"},
      {"/interpositions/0/interposer/program/args", "[{\"file\": \"./s3cret\"}]"},
      {"/interpositions/0/interposer/program/env",
       "{\"A\": {\"each\": \"s3cret\", \"value\": \"\"}}"},
      {"/interpositions/0/interposer/config_schema", "\"s3cret\""},
      {"/interpositions/0/attachments", "{\"s3\": \"s3cret\"}"},
      {"/interpositions/0/attachments/0/target", "-1"},
      {"/interpositions/0/attachments/0/target", "1.5"},
      {"/interpositions/0/attachments/0/target", "\"s3cret\""},
      {"/interpositions/0/attachments/0/interposer_slot", "\"s3cret.s\""},
      {"/interpositions/0/attachments/0/interposer_provide", "[\"s3cret\"]"}};
  for (const auto& [at, value] : wrong) {
    Json plan = plan_of(base_interposition());
    plan[Json::json_pointer(at)] = Json::parse(value);
    const std::string text = refused(plan.dump());
    BOOST_TEST(!holds(text, "s3cret"), at << ' ' << text);
    BOOST_TEST(holds(text, "interpositions[0]"), text);
  }
  Json two = base_interposition();
  auto& endpoints = two["interposer"]["program"]["network"]["endpoints"];
  endpoints.push_back(endpoints[0]);
  BOOST_TEST(holds(refused(plan_of(two).dump()), "two endpoints have this name"));
}

BOOST_AUTO_TEST_CASE(what_may_be_null_is_absent) {
  Json one = base_interposition();
  for (const char* key : {"program", "config", "config_schema", "metadata"}) {
    one["interposer"][key] = nullptr;
  }
  const Interposer got = decoded(plan_of(one).dump()).interpositions[0].interposer;
  BOOST_TEST(!got.program.has_value());
  BOOST_TEST(!got.config.has_value());
  BOOST_TEST(!got.config_schema.has_value());
  BOOST_TEST(!got.metadata.has_value());
}

BOOST_AUTO_TEST_CASE(every_target_is_kept_whole) {
  Json one = base_interposition();
  one["attachments"][0]["target"] = std::uint64_t{18446744073709551615U};
  BOOST_TEST(decoded(plan_of(one).dump()).interpositions[0].attachments[0].target ==
             18446744073709551615U);
}

// Case 23.
BOOST_AUTO_TEST_CASE(what_is_no_json_is_shown_in_part) {
  const std::string body = "  {" + std::string(5000, 'x') + "tail";
  const std::string text = refused(body);
  BOOST_TEST(holds(text, "the answer is no JSON: {xxxx"));
  BOOST_TEST(holds(text, "truncated"));
  BOOST_TEST(!holds(text, "tail"));
  BOOST_TEST(!holds(text, std::string(4096, 'x')));
  BOOST_TEST(holds(text, std::string(4095, 'x')));
  BOOST_TEST(!holds(refused("nope"), "truncated"));
  BOOST_TEST(holds(refused("a\nb\x1b[2J\xff"), "a\\x0ab\\x1b[2J\\xff"));
  BOOST_TEST(holds(refused("{\"interpositions\":[]} x"), "no JSON"));
  BOOST_TEST(holds(refused("{interpositions: []}"), "no JSON")); // JSON5 is none
  BOOST_TEST(holds(refused("{\"interpositions\":[],}"), "no JSON"));
  BOOST_TEST(holds(refused("/**/{\"interpositions\":[]}"), "no JSON"));
  BOOST_TEST(holds(refused(" \n"), "the answer is empty"));
  BOOST_TEST(holds(refused(""), "the answer is empty"));
}

BOOST_AUTO_TEST_CASE(is_bounded) {
  std::string large = R"({"interpositions":[]})";
  large.resize(kMaxPlanBytes, ' ');
  BOOST_TEST(decoded(large).interpositions.empty());
  BOOST_TEST(holds(refused(large + ' '), "larger than 1 MiB"));
  BOOST_TEST(
      holds(refused(std::string(kMaxPlanBytes / 2, '[') + std::string(kMaxPlanBytes / 2, ']')),
            "nested too deeply"));
  std::string many = "{\"interpositions\":[0";
  while (many.size() < kMaxPlanBytes - 10) many += ",0";
  Diagnostics problems;
  BOOST_TEST(!decode_plan(many + "]}", "/guard", problems).has_value());
  BOOST_TEST(problems.size() <= kMaxPlanProblems);
  BOOST_TEST(holds(refused(R"({"interpositions":[],"interpositions":[]})"), "is written twice"));
  const std::string text = refused("{\"interpositions\":[],\"" + std::string(500, 'k') + "\":1}");
  BOOST_TEST(text.size() < 300U);
}

// Reference §2.3.
BOOST_AUTO_TEST_CASE(reads_lowered_programs) {
  const Program image = program_of(
      R"({"image": "mask:1", "entrypoint": "mask --level 'a b'",
          "env": {"A": {"when": "config.a", "value": "x"},
                  "B": {"each": "slots.in", "value": "${item.url}", "join": ","}},
          "network": {"endpoints": [{"name": "out", "port": 1, "protocol": "tcp"}]}})");
  BOOST_TEST(image.command.size() == 3U);
  BOOST_TEST(to_string(*image.env.at("A").when) == "config.a");
  BOOST_TEST(*image.env.at("B").join == ",");
  BOOST_TEST(to_string(image.endpoints.at(0).protocol) == "tcp");
  const Program path = program_of(
      R"({"path": "/m", "args": ["a", {"each": "config.l", "argv": ["-x", "${item}"]}]})");
  BOOST_TEST(path.command.at(1).words.size() == 2U);
  const Program own = program_of(R"({"builtin": "redact", "config": {"rules": []}})");
  BOOST_TEST((own.builtin == Builtin::redact));
  BOOST_TEST(endpoint_named(own, "builtin") != nullptr);
  const Program vm =
      program_of(R"({"vm": {"image": "/i", "cpus": 1, "memory_mib": 64, "egress": "optional"}})");
  BOOST_TEST(vm.vm->egress);
  BOOST_TEST(holds(refused(plan_of(with_program(
                                       R"({"path": "/m", "network": {"endpoints":
                           [{"name": "out", "port": 1, "when": "config.a"}]}})"))
                               .dump()),
                   "unknown key \"when\""));
}

BOOST_AUTO_TEST_CASE(reads_mounts_by_kind) {
  const Program got = program_of(R"({"path": "/m", "mounts": [
      {"kind": "file", "path": [{"lit": "/run/"}, {"config": "n"}],
       "source": {"kind": "config", "path": [{"lit": "token"}]}, "when": "config.n"},
      {"kind": "file", "path": [{"lit": "/all"}], "source": {"kind": "config", "path": []}},
      {"kind": "file", "path": [{"lit": "/i/"}, {"item": "a"}], "each": "config.l",
       "source": {"kind": "config", "path": [{"lit": "l."}, {"item": "b"}]}},
      {"kind": "slot", "path": "/s", "slot": "disk"},
      {"kind": "resource", "path": "/r", "resource": "own"},
      {"kind": "framework", "path": "/f", "capability": "docker"}]})");
  const auto from = [&](std::size_t i) { return to_string(got.mounts.at(i).from); };
  BOOST_TEST(to_string(got.mounts.at(0).path) == "/run/${config.n}");
  BOOST_TEST(from(0) == "config.token");
  BOOST_TEST(to_string(*got.mounts.at(0).when) == "config.n");
  BOOST_TEST(from(1) == "config");
  BOOST_TEST(from(2) == "config.l.${item.b}");
  BOOST_TEST(!got.mounts.at(2).source.has_value());
  BOOST_TEST(from(3) == "slots.disk");
  BOOST_TEST(from(4) == "resources.own");
  BOOST_TEST(from(5) == "framework.docker");
  BOOST_TEST((got.mounts.at(5).source == MountSource{MountSource::Kind::framework, "docker"}));
  for (
      const char* wrong :
      {R"({"path": "/r", "resource": "own"})", R"({"kind": "s3cret"})", R"("s3cret")",
       R"({"kind": "resource", "path": "/r", "from": "s3cret"})",
       R"({"kind": "resource", "path": [{"lit": "s3cret"}], "resource": "own"})",
       R"({"kind": "slot", "path": "/r", "slot": "d", "when": "config.a"})",
       R"({"kind": "file", "path": "s3cret", "source": {"kind": "config", "path": []}})",
       R"({"kind": "file", "path": [{"lit": "s3cret", "config": "x"}],
            "source": {"kind": "config", "path": []}})",
       R"({"kind": "file", "path": [{"lit": {"s3cret": 1}}], "source": {"kind": "config", "path": []}})",
       R"({"kind": "file", "path": ["s3cret"], "source": {"kind": "config", "path": []}})",
       R"({"kind": "file", "path": [{"slot": "a", "scope": "s3cret"}],
            "source": {"kind": "config", "path": []}})",
       R"({"kind": "file", "path": [], "source": {"kind": "s3cret", "path": []}})",
       R"({"kind": "file", "path": []})"}) {
    const std::string mount(wrong);
    const std::string text =
        refused(plan_of(with_program("{\"path\": \"/m\", \"mounts\": [" + mount + "]}")).dump());
    const bool key = mount.find("{\"s3cret\"") != std::string::npos;
    BOOST_TEST((key || !holds(text, "s3cret")), text);
    BOOST_TEST(holds(text, "program.mounts[0]"), text);
  }
}

// What is wrong with a string is the validation's, and the first of an interposer is enough.
BOOST_AUTO_TEST_CASE(bad_strings_are_kept) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({"path": "/${s3cret}"})", "program.path: a ${…} is no interpolation"},
      {R"({"path": "/m", "env": {"A": "s3cret ${", "B": "${x}"}})",
       "program.env.A: a ${ is not closed"},
      {R"({"path": "/m", "args": ["${config.s3cret..x}"]})",
       "program.args[0]: a ${…} has an empty part between dots"},
      {R"({"path": "/m", "mounts": [{"kind": "file", "path": [{"slot": "s3cret", "scope": 1}],
           "source": {"kind": "config", "path": []}}]})",
       "program.mounts[0].path: a part is not one of lit, config or item"},
      {R"({"path": "/m", "mounts": [{"kind": "file", "path": [],
           "source": {"kind": "config", "path": [{"lit": "s3cret."}]}}]})",
       "program.mounts[0].source.path: nothing can be mounted from there"}};
  for (const auto& [program, expected] : bad) {
    const auto plan = decoded(plan_of(with_program(program)).dump());
    BOOST_TEST(plan.interpositions[0].interposer.template_fault == expected);
  }
  Json two = plan_of(base_interposition());
  two["interpositions"].push_back(with_program(R"({"path": "${"})"));
  const auto plan = decoded(two.dump());
  BOOST_TEST(plan.interpositions[0].interposer.template_fault == "");
  BOOST_TEST(plan.interpositions[1].interposer.template_fault != "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
