// What a file may say besides those it inherits: added and tightened is accepted, all else is an
// error where it stands, unless it says override.
#include "policy/engine/inherit.hpp"

#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"
#include "policy/engine/signature.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

namespace {

using namespace sluice;
using namespace sluice::engine;

using Files = std::map<std::string, std::string>;

PolicyLoad load(const Files& files) {
  return load_policy_text(files.at("policy.yaml"), "d/policy.yaml",
                          [&](const std::string& name) -> Result<std::string> {
                            const auto at = files.find(name);
                            if (at != files.end()) return at->second;
                            return make_error(Origin::config, "file_unreadable", "No such file");
                          });
}

constexpr const char* kChild = "version: 1\nmetadata: {inherits: [base.yaml]}\n";

PolicyLoad child_of(const std::string& base, const std::string& child) {
  return load({{"base.yaml", "version: 1\n" + base}, {"policy.yaml", kChild + child}});
}

std::string first_error(const PolicyLoad& load) {
  for (const auto& one : load.diagnostics) {
    if (one.level == Diagnostic::Level::error) return format(one);
  }
  return "";
}

model::EgressCall get(const std::string& host, const std::string& path = "/",
                      const std::string& method = "GET") {
  model::EgressCall call;
  call.to = {model::Scheme::https, model::Host::parse(host).value(), 443};
  call.method = method;
  call.path = path;
  return call;
}

model::Decision decide(const PolicyLoad& load, const model::EgressCall& call) {
  BOOST_TEST_REQUIRE(load.snapshot != nullptr, format(load.diagnostics));
  const auto decision = ReferenceEngine(load.snapshot).decide(call);
  BOOST_TEST((decision == CompiledEngine(load.snapshot).decide(call)));
  return decision;
}

std::string egress(const std::string& rules) {
  return "egress: [" + rules + "]\n";
}

const std::string kAny = egress("{name: in, allow: {hosts: [a.test, \"*.b.test\"]}}");

BOOST_AUTO_TEST_SUITE(inherit)

BOOST_AUTO_TEST_CASE(the_parents_rules_come_first) {
  const auto out =
      child_of(egress("{name: in, allow: {hosts: [a.test]}}") + "hosts: {g: [a.test]}\n",
               egress("{name: no, block: {hosts: [$g], methods: [DELETE]}}"));
  BOOST_TEST(decide(out, get("a.test")).rule_id == "egress[0]");
  const auto refused = decide(out, get("a.test", "/", "DELETE"));
  BOOST_TEST(refused.rule_id == "egress[1]");
  BOOST_TEST(refused.rule_name == "no");
  BOOST_TEST(out.parents.size() == 1u);
  BOOST_TEST(out.parents.front() == "base.yaml");
}

BOOST_AUTO_TEST_CASE(what_adds_or_tightens_is_accepted) {
  const std::string credential =
      "credentials: [{id: k, type: header, header: x-k, value: {env: K}}]\n";
  const std::pair<std::string, std::string> cases[] = {
      {kAny, ""},
      {kAny, egress("{block: {hosts: [\"**\"]}}")},
      {kAny, egress("{require_approval: {hosts: [x.b.test], methods: [POST]}}")},
      {kAny, egress("{allow: {hosts: [a.test]}}")},
      {kAny, egress("{allow: {hosts: [a.test, x.b.test, \"*.c.b.test\"], paths: [/v1]}}")},
      {kAny, egress("{allow: {hosts: [a.test]}, redact: [pii], limits: {request_body: 5}}")},
      {kAny, egress("{allow: {hosts: [a.test]}, restore: [request]}")},
      {kAny, egress("{allow: {hosts: [a.test]}, tls: passthrough}")}, // only if all say so
      {kAny, egress("{allow: {hosts: [elsewhere.test]}, mode: report}")},
      {egress("{require_approval: {hosts: [a.test]}}"),
       egress("{require_approval: {hosts: [a.test], methods: [GET]}}")},
      {"metadata: {children: free}\n" + kAny,
       egress("{allow: {hosts: [new.test]}, private: true}")},
      {"defaults: {private: true}\n" + kAny, egress("{allow: {hosts: [a.test]}, private: true}")},
      {egress("{allow: {hosts: [a.test]}, private: true}"),
       egress("{allow: {hosts: [a.test], ports: [443]}, private: true}")},
      {credential + egress("{allow: {hosts: [a.test]}, credential: k}"),
       egress("{allow: {hosts: [a.test], methods: [GET]}, credential: k}")},
      {kAny, credential},
      {kAny, "hosts: {g: [x.test]}\n" + egress("{block: {hosts: [$g]}}")},
      {kAny, "defaults: {redact: [secrets, pii], private: false, tls: intercept}\n"},
      {"defaults: {tls: passthrough, private: true, redact: []}\n" + kAny,
       "defaults: {tls: intercept, private: false, redact: [pii]}\n"},
      {kAny, "redaction: {rules: [{id: emp, pattern: 'EMP-\\d{6}'}]}\n"},
      {kAny, "redaction: {rules: [{id: email, action: block}]}\n"},
      {kAny, "redaction: {length: keep}\n"},
      {"redaction: {placeholder: x}\n" + kAny, "redaction: {placeholder: x}\n"},
      {"tcp: [{allow: {hosts: [db.test], ports: [5000-6000]}}]\n",
       "tcp: [{allow: {hosts: [db.test], ports: [5432]}, limits: {bytes: 5}}]\n"},
  };
  for (const auto& [base, child] : cases) {
    const auto out = child_of(base, child);
    BOOST_TEST(out.snapshot != nullptr, child << '\n' << format(out.diagnostics));
    BOOST_TEST(out.overrides.empty());
  }
}

struct Loosening {
  std::string base, child, error; // of the child
  std::string overridden;         // the same, said with override
};

const std::string kLogin = "credentials: [{id: k, type: header, header: x-k, value: {env: K}}]\n";

const Loosening kLoosenings[] = {
    {kAny, egress("{allow: {hosts: [a.test, evil.test]}}"),
     "d/policy.yaml:3:26: /egress/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"evil.test\" (ask for less, or say override: true)",
     egress("{allow: {hosts: [a.test, evil.test]}, override: true}")},
    {egress("{allow: {hosts: [a.test], methods: [GET]}}"), egress("{allow: {hosts: [a.test]}}"),
     "d/policy.yaml:3:26: /egress/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"a.test\" (ask for less, or say override: true)",
     egress("{allow: {hosts: [a.test]}, override: true}")},
    // Two rules together cover it, and no call by both readings of its path.
    {egress("{allow: {hosts: [a.test], paths: [/a]}}, {allow: {hosts: [a.test], paths: [/b]}}"),
     egress("{allow: {hosts: [a.test], paths: [/a, /b]}}"),
     "d/policy.yaml:3:26: /egress/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"a.test\" (ask for less, or say override: true)",
     egress("{allow: {hosts: [a.test], paths: [/a, /b]}, override: true}")},
    {egress("{allow: {hosts: [a.test]}, mode: report}"), egress("{allow: {hosts: [a.test]}}"),
     "d/policy.yaml:3:26: /egress/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"a.test\" (ask for less, or say override: true)",
     egress("{allow: {hosts: [a.test]}, override: true}")},
    // Asking is more than a block by default.
    {kAny, egress("{require_approval: {hosts: [evil.test]}}"),
     "d/policy.yaml:3:37: /egress/0/require_approval/hosts: no one rule of base.yaml allows all of "
     "this for \"evil.test\" (ask for less, or say override: true)",
     egress("{require_approval: {hosts: [evil.test]}, override: true}")},
    {egress("{require_approval: {hosts: [a.test]}}"), egress("{allow: {hosts: [a.test]}}"),
     "d/policy.yaml:3:26: /egress/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"a.test\" (ask for less, or say override: true)",
     egress("{allow: {hosts: [a.test]}, override: true}")},
    {kAny, egress("{allow: {hosts: [a.test]}, private: true}"),
     "d/policy.yaml:3:46: /egress/0/private: no rule of base.yaml opens private addresses for "
     "\"a.test\" (remove it, or say override: true)",
     egress("{allow: {hosts: [a.test]}, private: true, override: true}")},
    // What opens them does not name this host.
    {egress("{allow: {hosts: [\"**\"]}, private: true}"),
     egress("{allow: {hosts: [a.test]}, private: true}"),
     "d/policy.yaml:3:46: /egress/0/private: no rule of base.yaml opens private addresses for "
     "\"a.test\" (remove it, or say override: true)",
     egress("{allow: {hosts: [a.test]}, private: true, override: true}")},
    {kAny, kLogin + egress("{allow: {hosts: [a.test]}, credential: k}"),
     "d/policy.yaml:4:49: /egress/0/credential: no rule of base.yaml gives this login for "
     "\"a.test\" (remove it, or say override: true)",
     kLogin + egress("{allow: {hosts: [a.test]}, credential: k, override: true}")},
    {kAny, egress("{name: in, block: {hosts: [a.test]}}"),
     "d/policy.yaml:3:17: /egress/0/name: this name is already that of egress[0] in base.yaml "
     "(names are unique)",
     egress("{name: in, block: {hosts: [a.test]}, override: true}")},
    {kAny, "defaults: {tls: passthrough}\n",
     "d/policy.yaml:3:17: /defaults/tls: base.yaml: TLS is intercepted (override: true, in "
     "defaults)",
     "defaults: {tls: passthrough, override: true}\n"},
    {kAny, "defaults: {private: true}\n",
     "d/policy.yaml:3:21: /defaults/private: base.yaml: private addresses are closed (override: "
     "true, in defaults)",
     "defaults: {private: true, override: true}\n"},
    {kAny, "defaults: {redact: [pii]}\n",
     "d/policy.yaml:3:20: /defaults/redact: base.yaml: more than this is redacted (override: true, "
     "in defaults)",
     "defaults: {redact: [pii], override: true}\n"},
    {"redaction: {placeholder: x}\n", "redaction: {placeholder: y}\n",
     "d/policy.yaml:3:26: /redaction/placeholder: it is another in base.yaml (override: true, in "
     "redaction)",
     "redaction: {placeholder: y, override: true}\n"},
    {"redaction: {rules: [{id: e, pattern: 'EMP-\\d{6}', action: block}]}\n",
     "redaction: {rules: [{id: e, pattern: 'EMP-\\d{6}'}]}\n",
     "d/policy.yaml:3:26: /redaction/rules/0/id: two rules have this id in base.yaml",
     "redaction: {rules: [{id: e, pattern: 'EMP-\\d{6}', override: true}]}\n"},
    {kAny, "redaction: {rules: [{id: email, action: report}]}\n",
     "d/policy.yaml:3:26: /redaction/rules/0/id: this changes a built-in rule, which the parents "
     "leave as it is (action: block, or override: true)",
     "redaction: {rules: [{id: email, action: report, override: true}]}\n"},
    {kAny, "redaction: {rules: [{id: email, action: block, locations: [url]}]}\n",
     "d/policy.yaml:3:26: /redaction/rules/0/id: this changes a built-in rule, which the parents "
     "leave as it is (action: block, or override: true)",
     "redaction: {rules: [{id: email, action: block, locations: [url], override: true}]}\n"},
    {kLogin, "credentials: [{id: k, type: header, header: x-l, value: {env: K}}]\n",
     "d/policy.yaml:3:20: /credentials/0/id: two credentials have this id in base.yaml",
     "credentials: [{id: k, type: header, header: x-l, value: {env: K}, override: true}]\n"},
    {"hosts: {g: [a.test]}\n", "hosts: {g: [a.test, b.test]}\n",
     "d/policy.yaml:3:12: /hosts/g: this group is there already in base.yaml (rules mean what "
     "their "
     "own file says: give it another name)",
     ""},
    {"tcp: [{allow: {hosts: [db.test], ports: [5432]}}]\n",
     "tcp: [{allow: {hosts: [db.test], ports: [5432, 22]}}]\n",
     "d/policy.yaml:3:23: /tcp/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"db.test\" (ask for less, or say override: true)",
     "tcp: [{allow: {hosts: [db.test], ports: [5432, 22]}, override: true}]\n"},
    // The sections say nothing about each other's calls.
    {kAny, "tcp: [{allow: {hosts: [a.test], ports: [443]}}]\n",
     "d/policy.yaml:3:23: /tcp/0/allow/hosts: no one rule of base.yaml allows all of this for "
     "\"a.test\" (ask for less, or say override: true)",
     "tcp: [{allow: {hosts: [a.test], ports: [443]}, override: true}]\n"},
};

BOOST_AUTO_TEST_CASE(what_loosens_is_an_error_unless_it_overrides) {
  for (const auto& one : kLoosenings) {
    const auto refused = child_of(one.base, one.child);
    BOOST_TEST(refused.snapshot == nullptr, one.child);
    BOOST_TEST(first_error(refused) == one.error);
    if (one.overridden.empty()) continue;
    const auto accepted = child_of(one.base, one.overridden);
    BOOST_TEST(accepted.snapshot != nullptr, one.overridden << first_error(accepted));
    BOOST_TEST(accepted.overrides.size() == 1u, one.overridden);
  }
}

BOOST_AUTO_TEST_CASE(an_override_takes_the_place_of_the_rule_it_names) {
  const std::string base =
      egress("{name: no, block: {hosts: [a.test], methods: [DELETE]}}, {allow: {hosts: [a.test]}}");
  const auto out = child_of(
      base, egress("{name: no, override: true, block: {hosts: [a.test], paths: [/admin]}}"));
  BOOST_TEST(decide(out, get("a.test", "/", "DELETE")).allowed());
  BOOST_TEST(decide(out, get("a.test", "/admin")).rule_id == "egress[0]");
  BOOST_TEST_REQUIRE(out.overrides.size() == 1u);
  BOOST_TEST(format(out.overrides.front()) ==
             "d/policy.yaml:3:31: warning: /egress/0/override: override: true");
  const auto other =
      child_of(base, "tcp: [{name: no, override: true, block: {hosts: [a.test]}}]\n");
  BOOST_TEST(first_error(other) == "d/policy.yaml:3:14: /tcp/0/name: this name is already that of "
                                   "egress[0] in base.yaml (names are unique)");
  const auto again = child_of(base, egress("{name: x, block: {hosts: [a.test]}}, {name: x, "
                                           "override: true, block: {hosts: [a.test]}}"));
  BOOST_TEST(first_error(again).find("/egress/1/name: this name is already that of egress[2] (") !=
             std::string::npos);
  const auto unnamed = child_of(egress("{block: {hosts: [a.test]}}"),
                                egress("{allow: {hosts: [b.test]}, override: true}"));
  BOOST_TEST_REQUIRE(unnamed.snapshot != nullptr);
  BOOST_TEST(unnamed.snapshot->egress.size() == 2u);
}

BOOST_AUTO_TEST_CASE(defaults_are_the_tightest_of_what_is_written) {
  const auto out =
      child_of("defaults: {tls: passthrough, redact: []}\n" + kAny, "defaults: {redact: [pii]}\n");
  BOOST_TEST_REQUIRE(out.snapshot != nullptr);
  BOOST_TEST((out.snapshot->defaults.tls == model::TlsMode::passthrough)); // nobody says otherwise
  BOOST_TEST(out.snapshot->defaults.redact.size() == 1u);
  const auto siblings =
      load({{"policy.yaml", "version: 1\nmetadata: {inherits: [a.yaml, b.yaml]}\n"},
            {"a.yaml", "version: 1\ndefaults: {private: true, redact: [pii]}\n"},
            {"b.yaml", "version: 1\ndefaults: {private: false, redact: [secrets]}\n"}});
  BOOST_TEST_REQUIRE(siblings.snapshot != nullptr, format(siblings.diagnostics));
  BOOST_TEST(!siblings.snapshot->defaults.private_addresses);
  BOOST_TEST(siblings.snapshot->defaults.redact.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_file_is_held_to_its_own_parents_only) {
  const std::string base = "version: 1\n" + kAny;
  const std::string guards =
      "version: 1\nmetadata: {children: free}\n" + egress("{name: g, block: {hosts: [x.test]}}");
  const auto parents = [](const std::string& names, const std::string& rest = "") {
    return "version: 1\nmetadata: {inherits: [" + names + "]}\n" + rest;
  };
  const auto wider = egress("{name: w, override: true, allow: {hosts: [w.test]}}");
  const auto uses = egress("{name: u, allow: {hosts: [w.test]}}");
  // What a sibling overrides opens nothing for its sibling, and all for their child.
  BOOST_TEST(first_error(load({{"base.yaml", base},
                               {"one.yaml", parents("base.yaml", wider)},
                               {"two.yaml", parents("base.yaml", uses)},
                               {"policy.yaml", parents("one.yaml, two.yaml")}}))
                 .starts_with("d/two.yaml:3:"));
  const auto grown = load({{"base.yaml", base},
                           {"one.yaml", parents("base.yaml", wider)},
                           {"policy.yaml", parents("one.yaml", uses)}});
  BOOST_TEST(decide(grown, get("w.test")).rule_id == "egress[1]");
  // One parent that sets a ceiling is enough for one.
  BOOST_TEST(first_error(load({{"base.yaml", base},
                               {"guards.yaml", guards},
                               {"policy.yaml", parents("base.yaml, guards.yaml", uses)}}))
                 .find("no one rule of base.yaml, guards.yaml allows") != std::string::npos);
  const auto freed = load({{"guards.yaml", guards}, {"policy.yaml", parents("guards.yaml", uses)}});
  BOOST_TEST(decide(freed, get("w.test")).allowed());
  BOOST_TEST(!decide(freed, get("x.test")).allowed());
}

BOOST_AUTO_TEST_CASE(files_are_found_below_the_one_that_names_them) {
  const auto out = load({{"policy.yaml", "version: 1\nmetadata: {inherits: [org/team.yaml]}\n"},
                         {"org/team.yaml", "version: 1\nmetadata: {inherits: [base.yaml]}\n"},
                         {"org/base.yaml", "version: 1\n" + egress("{alow: {hosts: [a.test]}}")}});
  BOOST_TEST(first_error(out).starts_with("d/org/base.yaml:2:10: /egress/0: a rule has exactly"));
  for (const std::string bad : {"../base.yaml", "/etc/base.yaml", "./base.yaml", "a//b.yaml", "a/",
                                "..", "a/../b.yaml", "\"b\\u0001\"", "\"b\\u00e4\""}) {
    const auto file = "version: 1\nmetadata: {inherits: [" + bad + "]}\n";
    BOOST_TEST(first_error(load({{"policy.yaml", file}})) ==
                   "d/policy.yaml:2:23: /metadata/inherits/0: a parent is a file in this folder or "
                   "below (write base.yaml or org/base.yaml)",
               bad);
  }
  BOOST_TEST(first_error(load({{"policy.yaml", kChild}})) ==
             "d/policy.yaml:2:23: /metadata/inherits/0: base.yaml cannot be read (No such file)");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_reached_twice_is_read_once) {
  const auto parents = [](const std::string& names) {
    return "version: 1\nmetadata: {inherits: [" + names + "]}\n";
  };
  const auto out = load({{"base.yaml", "version: 1\n" + kAny},
                         {"one.yaml", parents("base.yaml")},
                         {"two.yaml", parents("base.yaml")},
                         {"policy.yaml", parents("one.yaml, two.yaml")}});
  BOOST_TEST_REQUIRE(out.snapshot != nullptr, format(out.diagnostics));
  BOOST_TEST(out.snapshot->egress.size() == 1u);
  for (const char* both : {"one.yaml, base.yaml", "base.yaml, one.yaml"}) {
    const auto again = load({{"base.yaml", "version: 1\n" + kAny},
                             {"one.yaml", parents("base.yaml")},
                             {"policy.yaml", parents(both)}});
    BOOST_TEST_REQUIRE(again.snapshot != nullptr, format(again.diagnostics));
    BOOST_TEST(again.snapshot->egress.size() == 1u);
  }
  BOOST_TEST(first_error(load({{"base.yaml", "version: 1\n"},
                               {"policy.yaml", parents("base.yaml, base.yaml")}})) ==
             "d/policy.yaml:2:34: /metadata/inherits/1: this file is named already");
}

BOOST_AUTO_TEST_CASE(cycles_depth_and_number_are_bounded) {
  const auto parents = [](const std::string& names) {
    return "version: 1\nmetadata: {inherits: [" + names + "]}\n";
  };
  BOOST_TEST(first_error(load({{"policy.yaml", parents("policy.yaml")}})) ==
             "d/policy.yaml:2:23: /metadata/inherits/0: the file inherits itself: the policy, "
             "policy.yaml (remove one of them)");
  BOOST_TEST(
      first_error(load({{"policy.yaml", parents("a.yaml")},
                        {"a.yaml", parents("b.yaml")},
                        {"b.yaml", parents("a.yaml")}})) ==
      "d/b.yaml:2:23: /metadata/inherits/0: the file inherits itself: a.yaml, b.yaml, a.yaml "
      "(remove one of them)");
  Files deep;
  for (int i = 0; i < 9; ++i)
    deep[i == 0 ? "policy.yaml" : std::to_string(i)] = parents(std::to_string(i + 1));
  deep["8"] = "version: 1\n";
  for (auto& [name, text] : deep) {
    if (name != "8") text = parents('"' + text.substr(text.find('[') + 1, 1) + '"');
  }
  BOOST_TEST(load(deep).snapshot != nullptr, first_error(load(deep)));
  deep["8"] = parents("\"9\"");
  deep["9"] = "version: 1\n";
  BOOST_TEST(first_error(load(deep)) ==
             "d/8:2:23: /metadata/inherits/0: parents are more than 8 levels deep");
  Files wide;
  std::string names;
  for (int i = 0; i < 32; ++i) {
    const auto name = "p" + std::to_string(i) + ".yaml";
    wide[name] = "version: 1\n";
    names += (i == 0 ? "" : ", ") + name;
    wide["policy.yaml"] = parents(names);
    const auto out = load(wide);
    BOOST_TEST((out.snapshot != nullptr) == (i < 31), i << first_error(out));
  }
  BOOST_TEST(first_error(load(wide))
                 .find("/metadata/inherits/31: the policy is of more than 32 "
                       "files") != std::string::npos);
  BOOST_TEST(first_error(load({{"policy.yaml", parents("a.yaml, b.yaml")},
                               {"a.yaml", "version: 1 #" + std::string(5U << 20, 'x')},
                               {"b.yaml", "version: 1 #" + std::string(5U << 20, 'x')}})) ==
             "d/policy.yaml:2:31: /metadata/inherits/1: the parents of a policy are larger than 8 "
             "MiB together");
}

BOOST_AUTO_TEST_CASE(the_digest_and_the_signature_are_of_the_whole) {
  const Files files = {{"base.yaml", "version: 1\n" + kAny},
                       {"policy.yaml", kChild + egress("{block: {hosts: [c.test]}}")}};
  const auto out = load(files);
  BOOST_TEST_REQUIRE(out.snapshot != nullptr);
  const auto alone = load_policy_text(
      "version: 1\n" + egress("{name: in, allow: {hosts: [a.test, \"*.b.test\"]}}, "
                              "{block: {hosts: [c.test]}}"),
      "p");
  BOOST_TEST(out.snapshot->digest == alone.snapshot->digest);
  const auto key = Ed25519Private::generate();
  const auto signature = write_signature(*out.snapshot, key);
  Diagnostics problems;
  const auto trusted = std::vector{key.public_key().fingerprint()};
  BOOST_TEST(verify_signature(*out.snapshot, signature, "s", trusted, problems).has_value());
  auto changed = files;
  changed["base.yaml"] = "version: 1\n" + egress("{name: in, allow: {hosts: [a.test]}}");
  const auto other = load(changed);
  BOOST_TEST_REQUIRE(other.snapshot != nullptr);
  BOOST_TEST(!verify_signature(*other.snapshot, signature, "s", trusted, problems).has_value());
  changed["base.yaml"] = "# a comment\nversion: 1\nmetadata: {title: base}\n" + kAny;
  BOOST_TEST(
      verify_signature(*load(changed).snapshot, signature, "s", trusted, problems).has_value());
}

// Another variable, another place: the parents' rules use what is written last.
BOOST_AUTO_TEST_CASE(an_override_of_a_login_changes_the_rules_that_name_it) {
  const auto rule = egress("{allow: {hosts: [a.test]}, credential: k}");
  const auto out = child_of(kLogin + rule, "credentials: [{id: k, type: header, header: x-l, "
                                           "value: {env: L}, override: true}]\n");
  BOOST_TEST_REQUIRE(out.snapshot != nullptr, format(out.diagnostics));
  BOOST_TEST_REQUIRE(out.snapshot->credentials.size() == 1u);
  BOOST_TEST(out.snapshot->credentials.front().place == "x-l");
  const auto plain =
      child_of(kLogin + rule, "credentials: [{id: k, type: header, header: x-k, "
                              "plaintext: true, value: {env: K}, override: true}]\n");
  BOOST_TEST(first_error(plain).find("were read with the other value") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
