// Random broken plans with a secret somewhere in what is a value: whatever is said of them, the
// secret is not in it. Names (slots, provides, endpoints, properties that are required, what
// strings refer to) are told on purpose, so that none is planted there.
#include "tests/support/plans.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>

namespace {

using sluice::overlay::Json;
using sluice::test::said_of;
using sluice::test::variant_of;

constexpr const char* kWhole = R"({"interpositions": [{
  "interposer": {
    "config": {"hide": ["${config.secret}", "words"], "level": 3, "deep": {"a": "b", "c": [1, "d"]}},
    "config_schema": {"type": "object", "title": "t", "additionalProperties": false,
      "required": ["hide"],
      "properties": {
        "hide": {"type": "array", "items": {"type": "string", "minLength": 2, "pattern": "^.+$"}},
        "level": {"type": "integer", "enum": [1, 2, 3], "default": 1},
        "mode": {"const": "fast", "default": "fast"},
        "deep": {"type": "object", "properties": {"a": {"type": "string"}}}}},
    "program": {"path": "/opt/mask", "args": ["--a", "b c", {"when": "config.level", "arg": "-v"},
                                              {"each": "config.hide", "argv": ["-x", "${item}"]}],
      "env": {"UP": "${slots.in.url}", "HIDE": "a ${config.hide} b",
              "EACH": {"each": "config.hide", "value": "${item}", "join": ","}},
      "mounts": [{"kind": "resource", "path": "/d", "resource": "disk"},
                 {"kind": "file", "path": [{"lit": "/f"}],
                  "source": {"kind": "config", "path": [{"lit": "level"}]}}],
      "network": {"endpoints": [{"name": "out", "port": 7000, "protocol": "http"}]}},
    "slots": {"in": {"kind": "http", "profile": null, "optional": false, "multiple": false}},
    "provides": {"out": {"kind": "http", "endpoint": "out"}},
    "resources": {"disk": {"kind": "storage", "params": {"size": "1Gi"}}},
    "metadata": {"by": ["us", {"at": "home"}]}},
  "attachments": [{"target": 0, "interposer_slot": "in", "interposer_provide": "out"}]}]})";

bool is_name(const std::string& pointer) {
  for (const char* end :
       {"/interposer_slot", "/interposer_provide", "/endpoint", "/name", "/profile", "/resource"}) {
    if (pointer.ends_with(end)) return true;
  }
  return pointer.find("/required") != std::string::npos;
}

class Breaker {
 public:
  explicit Breaker(unsigned seed)
      : secret("S3cr3t-" + std::to_string(seed) + "-Zq"), random_(seed) {}

  std::string run() {
    Json plan = Json::parse(kWhole);
    if (below(2) == 0) simplify(plan["interpositions"][0]["interposer"]);
    plant(plan);
    for (int i = below(4); i > 0; --i) spoil(plan);
    return plan.dump();
  }

  const std::string secret;

 private:
  int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

  // Without what refers to something, so that what is looked for late is found, too.
  static void simplify(Json& interposer) {
    interposer.erase("config");
    interposer.erase("config_schema");
    for (const char* key : {"args", "mounts"}) interposer["program"].erase(key);
    interposer["program"]["env"] = {{"A", "b"}};
  }

  // Pointers of all values but the whole.
  static std::vector<std::string> places(const Json& plan) {
    std::vector<std::string> out;
    const Json flat = plan.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      std::string at = pointer;
      for (; !at.empty(); at.resize(at.rfind('/'))) {
        if (std::find(out.begin(), out.end(), at) == out.end()) out.push_back(at);
      }
    }
    return out;
  }

  std::string any_place(const Json& plan) {
    const auto all = places(plan);
    return all.empty() ? "" : all[static_cast<std::size_t>(below(static_cast<int>(all.size())))];
  }

  void plant(Json& plan) {
    for (int left = below(2) + 1; left > 0;) {
      const std::string at = any_place(plan);
      if (is_name(at)) continue;
      Json& value = plan[Json::json_pointer(at)];
      // in front: behind, it would be a part of what a string refers to
      if (value.is_string() && below(2) == 0) {
        value = secret + ' ' + value.get<std::string>();
      } else if (!value.is_structured() || below(4) == 0) {
        value = below(4) == 0 ? Json::array({secret}) : Json(secret + (below(2) == 0 ? "${" : ""));
      } else {
        continue;
      }
      --left;
    }
  }

  void spoil(Json& plan) {
    const Json::json_pointer at(any_place(plan));
    if (at.empty()) return;
    Json& parent = plan[at.parent_pointer()];
    switch (below(4)) {
    case 0:
      if (parent.is_object()) parent.erase(at.back());
      break;
    case 1: plan[at] = Json(nullptr); break;
    case 2: plan[at] = below(100); break;
    default:
      if (parent.is_object()) parent["added"] = secret;
    }
  }

  std::mt19937 random_;
};

BOOST_AUTO_TEST_SUITE(plan_property)

BOOST_AUTO_TEST_CASE(the_whole_plan_is_valid) {
  BOOST_TEST(said_of(Json::parse(kWhole).dump()) == "");
}

BOOST_AUTO_TEST_CASE(no_message_shows_a_value) {
  std::map<std::string, int> seen;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    Breaker breaker(seed);
    const std::string body = breaker.run();
    const std::string said = said_of(body);
    BOOST_TEST_REQUIRE(said.find(breaker.secret) == std::string::npos, said << '\n' << body);
    ++seen[variant_of(body)];
  }
  for (const char* variant :
       {"", "decode", "MissingInterposerConfigSchema", "InvalidInterposerConfigSchema",
        "InvalidInterposerConfig", "MissingInterposerProgram", "InvalidProgram",
        "MissingInterposerProvideEndpoint", "UnknownAttachmentTarget", "UnknownInterposerSlot",
        "UnknownInterposerProvide"}) {
    BOOST_TEST(seen[variant] > 0, variant);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
