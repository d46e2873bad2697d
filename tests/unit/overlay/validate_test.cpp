#include "overlay/plan/validate.hpp"

#include "tests/support/plans.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::base_interposition;
using sluice::test::plan_of;
using sluice::test::said_of;
using sluice::test::variant_of;

// A change of the base: a value at a pointer, or nothing there any more.
struct Change {
  const char* at;
  const char* value; // "": erase
};

Json changed(Json one, const Change& change) {
  const Json::json_pointer at(change.at);
  if (*change.value == '\0') {
    one[at.parent_pointer()].erase(at.back());
  } else {
    one[at] = Json::parse(change.value);
  }
  return one;
}

Json changed(const std::vector<Change>& changes) {
  Json out = base_interposition();
  for (const Change& one : changes) out = changed(std::move(out), one);
  return out;
}

std::string variant(const std::vector<Change>& changes) {
  return variant_of(plan_of(changed(changes)).dump());
}

std::string said(const std::vector<Change>& changes) {
  return said_of(plan_of(changed(changes)).dump());
}

constexpr const char* kSchema = "/interposer/config_schema";
constexpr const char* kConfig = "/interposer/config";
constexpr const char* kProgram = "/interposer/program";
constexpr const char* kEnv = "/interposer/program/env";
constexpr const char* kMounts = "/interposer/program/mounts";
constexpr const char* kAnyObject = R"({"type": "object"})";

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(validate)

BOOST_AUTO_TEST_CASE(names_are_ambers_in_order) {
  BOOST_TEST(kPlanVariants.size() == 18U); // 17 and ours
  for (std::size_t i = 0; i < kPlanVariants.size(); ++i) {
    BOOST_TEST(static_cast<std::size_t>(kPlanVariants.at(i).value) == i);
    BOOST_TEST(to_string(kPlanVariants.at(i).value) == kPlanVariants.at(i).text);
  }
  BOOST_TEST(to_string(PlanVariant::invalid_program) == "InvalidProgram");
}

// Reference §10, case 24.
BOOST_AUTO_TEST_CASE(endpoints_of_provides) {
  BOOST_TEST(said({}) == "");
  BOOST_TEST(variant({{"/interposer/provides/out/endpoint", ""}}) ==
             "MissingInterposerProvideEndpoint");
  const std::string text = said({{"/interposer/provides/out/endpoint", "\"missing\""}});
  BOOST_TEST(holds(text, "UnknownInterposerProvideEndpoint: interpositions[0]: the provide \"out\" "
                         "names the endpoint \"missing\", and the program has \"out\""));
  const char* extra = R"({"kind": "http", "endpoint": "missing"})";
  BOOST_TEST(variant({{"/interposer/provides/extra", extra}}) ==
             "UnknownInterposerProvideEndpoint");
  BOOST_TEST(variant({{"/interposer/provides/extra", R"({"kind": "http"})"}}) ==
             "MissingInterposerProvideEndpoint");
  BOOST_TEST(variant({{"/interposer/provides/extra", R"({"kind": "storage"})"}}) == "");
  BOOST_TEST(holds(said({{"/interposer/program/network", ""}}), "the program has none"));
}

BOOST_AUTO_TEST_CASE(what_goes_over_http_needs_an_endpoint_that_speaks_it) {
  const char* endpoint = "/interposer/program/network/endpoints/0/protocol";
  BOOST_TEST(variant({{endpoint, "\"tcp\""}}) == "InterposerProvideEndpointProtocol");
  BOOST_TEST(variant({{endpoint, "\"https\""}}) == "");
  const char* two =
      R"([{"name": "out", "port": 1}, {"name": "raw", "port": 2, "protocol": "tcp"}])";
  const char* endpoints = "/interposer/program/network/endpoints";
  for (const char* kind : {"http", "a2a", "mcp", "llm", "component"}) {
    const std::string provide = Json{{"kind", kind}, {"endpoint", "raw"}}.dump();
    BOOST_TEST(variant({{endpoints, two}, {"/interposer/provides/extra", provide.c_str()}}) ==
               "InterposerProvideEndpointProtocol");
  }
  BOOST_TEST(
      variant({{endpoints, two},
               {"/interposer/provides/extra", R"({"kind": "docker", "endpoint": "raw"})"}}) == "");
}

// Case 25.
BOOST_AUTO_TEST_CASE(attachments) {
  const char* second = R"({"target": 0, "interposer_slot": "in2", "interposer_provide": "out"})";
  const Change slot2{"/interposer/slots/in2", R"({"kind": "http"})"};
  BOOST_TEST(variant({slot2, {"/attachments/1", second}}) == "DuplicateAttachmentTarget");
  BOOST_TEST(variant({slot2, {"/attachments/1", second}, {"/attachments/1/target", "1"}}) == "");
  BOOST_TEST(variant({{"/attachments/1", second},
                      {"/attachments/1/target", "1"},
                      {"/attachments/1/interposer_slot", "\"in\""}}) == "DuplicateInterposerSlot");
  BOOST_TEST(said({{"/interposer/slots/aux", R"({"kind": "http"})"}}) ==
             "the plan of overlay /guard is not valid for the scope /: "
             "UnattachedRequiredInterposerSlot: interpositions[0]: the slot \"aux\" is attached to "
             "no edge and not optional "
             "[compiler::overlay_pass_invalid_interposition_plan]");
  BOOST_TEST(variant({{"/interposer/slots/aux", R"({"kind": "http", "optional": true})"}}) == "");
  BOOST_TEST(variant({{"/interposer/slots/in/kind", "\"storage\""}}) ==
             "InterposerSlotCapabilityMismatch");
  BOOST_TEST(variant({{"/interposer/slots/in/profile", "\"p\""}}) ==
             "InterposerSlotCapabilityMismatch");
  BOOST_TEST(variant({{"/interposer/provides/out/profile", "\"p\""}}) ==
             "InterposerProvideCapabilityMismatch");
  BOOST_TEST(variant({{"/attachments/0/target", "2"},
                      {"/interposer/slots/in/kind", "\"storage\""},
                      {"/interposer/provides/out", R"({"kind": "storage"})"}}) ==
             "UnsupportedStorageInterposition");
  BOOST_TEST(variant({{"/attachments/0/target", "99"}}) == "UnknownAttachmentTarget");
  BOOST_TEST(variant({{"/attachments", "[]"}}) == "EmptyAttachments");
  BOOST_TEST(variant({{"/attachments/0/interposer_slot", "\"nope\""}}) == "UnknownInterposerSlot");
  BOOST_TEST(variant({{"/attachments/0/interposer_provide", "\"nope\""}}) ==
             "UnknownInterposerProvide");
  BOOST_TEST(variant({{"/attachments/0/target", "4"}}) == ""); // an export
  BOOST_TEST(variant({{"/attachments/0/target", "3"},
                      {"/interposer/slots/in", R"({"kind": "mcp", "profile": "p"})"},
                      {"/interposer/provides/out",
                       R"({"kind": "mcp", "profile": "p", "endpoint": "out"})"}}) == "");
}

BOOST_AUTO_TEST_CASE(one_edge_may_be_the_target_of_several_interpositions) {
  Json plan = plan_of(base_interposition());
  plan["interpositions"].push_back(base_interposition());
  BOOST_TEST(said_of(plan.dump()) == "");
  plan["interpositions"][1]["attachments"] = Json::array();
  BOOST_TEST(holds(said_of(plan.dump()), "EmptyAttachments: interpositions[1]: "));
}

// Case 26.
BOOST_AUTO_TEST_CASE(programs) {
  BOOST_TEST(variant({{kProgram, "null"}}) == "MissingInterposerProgram");
  BOOST_TEST(variant({{kProgram, ""}}) == "MissingInterposerProgram");
  BOOST_TEST(variant({{kMounts, R"([{"kind": "resource", "path": "/d", "resource": "no"}])"}}) ==
             "InvalidProgram");
  const std::string text = said({{kEnv, R"({"U": "${slots.missing.url}"})"}});
  BOOST_TEST(holds(text, "InvalidProgram: interpositions[0]: program.env.U: there is no slot "
                         "\"missing\""),
             text);
  BOOST_TEST(variant({{kMounts, R"([{"kind": "framework", "path": "/d",
                                      "capability": "docker"}])"}}) == "InvalidProgram");
  BOOST_TEST(variant({{kEnv, R"({"U": "${slots.in.url} ${slots.in}"})"}}) == "");
  const std::string bad = said({{kEnv, R"({"U": "hunter2 ${hunter2}"})"}});
  BOOST_TEST(holds(bad, "InvalidProgram: interpositions[0]: program.env.U: a ${…} is no"));
  BOOST_TEST(!holds(bad, "hunter2"));
  for (const char* env :
       {R"({"U": "${slots.in.nope}"})", R"({"U": "${item}"})", R"({"U": "${config.x}"})",
        R"({"U": {"each": "slots.in", "value": "${item.url}", "join": ","}})"}) {
    BOOST_TEST(variant({{kEnv, env}}) == "InvalidProgram", env);
  }
  const char* disk = R"({"disk": {"kind": "storage"}})";
  for (const char* path : {"relative", "/a/../b"}) {
    const std::string mount =
        Json::array({{{"kind", "resource"}, {"path", path}, {"resource", "disk"}}}).dump();
    BOOST_TEST(variant({{"/interposer/resources", disk}, {kMounts, mount.c_str()}}) ==
               "InvalidProgram");
  }
  BOOST_TEST(variant({{"/interposer/resources", disk},
                      {kMounts, R"([{"kind": "resource", "path": "/d", "resource": "disk"}])"}}) ==
             "");
}

// Case 27.
BOOST_AUTO_TEST_CASE(configs) {
  const char* schema = R"({"type": "object", "required": ["n"],
                           "properties": {"n": {"type": "string"}}})";
  BOOST_TEST(variant({{kConfig, R"({"n": "x"})"}}) == "MissingInterposerConfigSchema");
  BOOST_TEST(variant({{kConfig, R"({"n": 1})"}, {kSchema, schema}}) == "InvalidInterposerConfig");
  BOOST_TEST(variant({{kSchema, schema}}) == "InvalidInterposerConfig");
  const Change slot{kConfig, R"({"n": "${slots.in.url}"})"};
  BOOST_TEST(variant({{kSchema, schema}, slot}) == "InvalidInterposerConfig");
  const Change secret{kConfig, R"({"n": "${config.secret}"})"};
  BOOST_TEST(variant({{kSchema, schema}, secret}) == "");
  sluice::Diagnostics problems;
  const auto plan =
      decode_plan(plan_of(changed({{kSchema, schema}, secret})).dump(), "/guard", problems);
  BOOST_TEST(plan.value().interpositions[0].interposer.config->at("n") == "${config.secret}");
  BOOST_TEST(variant({{kSchema, R"({"type": "object", "anyOf": []})"}}) ==
             "InvalidInterposerConfigSchema");
  const char* mount = R"([{"kind": "file", "path": [{"lit": "/n"}],
                           "source": {"kind": "config", "path": [{"lit": "n"}]}}])";
  BOOST_TEST(variant({{kSchema, schema}, secret, {kMounts, mount}}) == "");
  BOOST_TEST(variant({{kMounts, mount}}) == "InvalidProgram");
}

// Two faults each: the one that is looked for first is told. What is wrong with attachments is
// looked for in one after the other, so that duplicates, which need a second one, come behind all
// of the first; their own rows hold what would be told later of the same attachment.
BOOST_AUTO_TEST_CASE(the_first_in_order_is_told) {
  const std::vector<std::pair<std::string, std::vector<Change>>> faults = {
      {"EmptyAttachments", {{"/attachments", "[]"}}},
      {"MissingInterposerConfigSchema", {{kConfig, "{}"}, {kSchema, "null"}}},
      {"InvalidInterposerConfigSchema", {{kConfig, "{}"}, {kSchema, R"({"type": "string"})"}}},
      {"InvalidInterposerConfig", {{kConfig, "[]"}, {kSchema, kAnyObject}}},
      {"MissingInterposerProgram", {{kProgram, "null"}}},
      {"InvalidProgram", {{kEnv, R"({"A": "${config.no}"})"}}},
      {"MissingInterposerProvideEndpoint", {{"/interposer/provides/z", R"({"kind": "http"})"}}},
      {"UnknownInterposerProvideEndpoint",
       {{"/interposer/provides/y", R"({"kind": "http", "endpoint": "no"})"}}},
      {"InterposerProvideEndpointProtocol",
       {{"/interposer/program/network/endpoints/1",
         R"({"name": "raw", "port": 1, "protocol": "tcp"})"},
        {"/interposer/provides/x", R"({"kind": "http", "endpoint": "raw"})"}}},
      {"DuplicateAttachmentTarget",
       {{"/attachments/1",
         R"({"target": 0, "interposer_slot": "in", "interposer_provide": "no"})"}}},
      {"DuplicateInterposerSlot",
       {{"/attachments/1",
         R"({"target": 99, "interposer_slot": "in", "interposer_provide": "no"})"}}},
      {"UnknownAttachmentTarget",
       {{"/attachments/0",
         R"({"target": 99, "interposer_slot": "no", "interposer_provide": "no"})"}}},
      {"UnsupportedStorageInterposition",
       {{"/attachments/0",
         R"({"target": 2, "interposer_slot": "no", "interposer_provide": "no"})"}}},
      {"UnknownInterposerSlot",
       {{"/attachments/0",
         R"({"target": 0, "interposer_slot": "no", "interposer_provide": "no"})"}}},
      {"InterposerSlotCapabilityMismatch",
       {{"/attachments/0",
         R"({"target": 3, "interposer_slot": "in", "interposer_provide": "no"})"}}},
      {"UnknownInterposerProvide",
       {{"/attachments/0",
         R"({"target": 0, "interposer_slot": "in", "interposer_provide": "no"})"}}},
      {"InterposerProvideCapabilityMismatch", {{"/interposer/provides/out/kind", "\"mcp\""}}},
      {"UnattachedRequiredInterposerSlot", {{"/interposer/slots/aux", R"({"kind": "http"})"}}},
  };
  BOOST_TEST(faults.size() == kPlanVariants.size());
  for (std::size_t i = 0; i < faults.size(); ++i) {
    BOOST_TEST(faults[i].first == kPlanVariants.at(i).text);
    BOOST_TEST(variant(faults[i].second) == faults[i].first);
    for (std::size_t later = i + 1; later < faults.size(); ++later) {
      const bool of_second = i == 9 || i == 10;
      if (of_second && later > 10 && later < 17) continue;
      // the later one is made first, so that what the earlier one needs stands
      std::vector<Change> both;
      for (const std::size_t from : {later, i}) {
        for (const Change& one : faults[from].second) {
          const bool gone = i == 4 && std::string_view(one.at).starts_with("/interposer/program/");
          if (!gone) both.push_back(one);
        }
      }
      BOOST_TEST(variant(both) == faults[i].first,
                 faults[i].first << " before " << faults[later].first);
    }
  }
}

BOOST_AUTO_TEST_CASE(attachments_are_checked_one_after_the_other) {
  const Change second{"/attachments/1",
                      R"({"target": 0, "interposer_slot": "in", "interposer_provide": "out"})"};
  BOOST_TEST(variant({second}) == "DuplicateAttachmentTarget");
  BOOST_TEST(variant({second, {"/attachments/0/interposer_provide", "\"no\""}}) ==
             "UnknownInterposerProvide");
}

BOOST_AUTO_TEST_CASE(fields_are_told_apart) {
  const sluice::test::Graph graph = sluice::test::plan_graph();
  const Scope scope = scope_of(graph.scenario, 0);
  const auto fields = [&](const std::vector<Change>& changes) {
    sluice::Diagnostics problems;
    const auto plan = decode_plan(plan_of(changed(changes)).dump(), "/guard", problems);
    return validate_plan(plan.value(), graph.scenario, scope).value().fields;
  };
  BOOST_TEST(fields({{"/attachments", "[]"}}) == Json::object());
  BOOST_TEST(fields({{"/attachments/0/target", "99"}}) == (Json{{"target", 99}}));
  BOOST_TEST(fields({{"/interposer/provides/out/endpoint", "\"no\""}}) ==
             (Json{{"provide", "out"}, {"endpoint", "no"}, {"available", {"out"}}}));
  BOOST_TEST(fields({{"/interposer/slots/in/kind", "\"mcp\""}}) ==
             (Json{{"target", 0},
                   {"slot", "in"},
                   {"expected", {{"kind", "http"}, {"profile", nullptr}}},
                   {"actual", {{"kind", "mcp"}, {"profile", nullptr}}}}));
  BOOST_TEST(fields({{kEnv, R"({"A": "${config.no}"})"}}).contains("message"));
}

BOOST_AUTO_TEST_CASE(the_overlay_is_named_by_its_scope_and_use) {
  ValidationFault fault;
  fault.message = "interpositions[0]: the interposer is attached to no edge";
  const auto told = invalid_plan(fault, "/team", "guard");
  BOOST_TEST(told.message ==
             "the plan of overlay /team/guard is not valid for the scope /team: "
             "EmptyAttachments: interpositions[0]: the interposer is attached to no "
             "edge");
  BOOST_TEST(told.code == "compiler::overlay_pass_invalid_interposition_plan");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
