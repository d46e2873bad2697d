// Each kind of change between two policies is found by a call that shows it.
#include "policy/engine/policy_diff.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace {

using namespace sluice;
using namespace sluice::engine;

std::shared_ptr<const Snapshot> load(const std::string& rest) {
  const auto out = load_policy_text("version: 1\n" + rest, "p");
  BOOST_TEST_REQUIRE(out.snapshot != nullptr, format(out.diagnostics));
  return out.snapshot;
}

// "change METHOD URL: what" of all.
std::vector<std::string> shown(const PolicyDiff& diff) {
  std::vector<std::string> out;
  for (const auto& one : diff.calls) {
    std::string text =
        std::string(to_string(one.change)) + ' ' + method_of(one.call) + ' ' + url_of(one.call);
    const auto how = circumstances_of(one.call, diff.times);
    if (!how.empty()) text += "  (" + how + ")";
    for (const auto& what : one.what) text += ": " + what;
    out.push_back(std::move(text));
  }
  for (const auto& one : diff.settings)
    out.push_back(std::string(to_string(one.change)) + ' ' + one.what);
  return out;
}

std::string rules(const std::string& list) {
  return "egress: [" + list + "]\n";
}

BOOST_AUTO_TEST_SUITE(policy_diff)

BOOST_AUTO_TEST_CASE(each_kind_of_change_is_found) {
  const std::string login = "credentials: [{id: k, type: header, header: x-k, value: {env: K}}]\n";
  const std::string a = rules("{allow: {hosts: [a.test]}}");
  const struct {
    std::string before, after, first;
  } cases[] = {
      {rules(""), a, "newly_allowed GET https://a.test/"},
      {a, rules(""), "newly_blocked GET https://a.test/"},
      {a, rules("{allow: {hosts: [a.test]}}, {require_approval: {hosts: [a.test]}}"),
       "newly_needs_approval GET https://a.test/"},
      {rules(""), rules("{require_approval: {hosts: [a.test]}}"),
       "loosened GET https://a.test/: a person may let it pass"},
      // Only just: a method that is not listed, a name below, a path below, a port beside.
      {rules("{allow: {hosts: [a.test], methods: [GET]}}"), a,
       "newly_allowed POST https://a.test/"},
      {rules("{allow: {hosts: [b.a.test]}}"), rules("{allow: {hosts: [\"*.a.test\"]}}"),
       "newly_allowed GET https://sluice-witness.b.a.test/"},
      {rules("{allow: {hosts: [a.test], paths: [/v1]}}"),
       rules("{allow: {hosts: [a.test], paths: [/v1, \"/v1/**\"]}}"),
       "newly_allowed GET https://a.test/v1/x"},
      {a, rules("{allow: {hosts: [a.test], agents: [\"x-*\"]}}"),
       "newly_blocked GET https://a.test/"},
      {rules("{allow: {hosts: [a.test], time: [\"mon-fri 08:00-18:00\"]}}"),
       rules("{allow: {hosts: [a.test], time: [\"mon-sun 08:00-18:00\"]}}"),
       "newly_allowed GET https://a.test/  (sat 08:00)"},
      {rules("{allow: {hosts: [a.test], time: [\"mon 08:00-18:00\"]}}"),
       rules("{allow: {hosts: [a.test], time: [\"mon,sat 08:00-18:00\"]}}"),
       "newly_allowed GET https://a.test/  (sat 08:00)"},
      {rules("{allow: {hosts: [a.test], agents: [y]}}"),
       rules("{allow: {hosts: [a.test], agents: [y, \"x-*\"]}}"),
       "newly_allowed GET https://a.test/  (by x-x)"},
      {a, rules("{allow: {hosts: [a.test]}}, {block: {hosts: [a.test], sessions: [s]}}"),
       "newly_blocked GET https://a.test/  (in session s)"},
      {rules("{allow: {hosts: [a.test], time: [\"mon-fri 08:00-18:00\"]}}"),
       rules("{allow: {hosts: [a.test], time: [\"mon-fri 08:00-17:30\"]}}"),
       "newly_blocked GET https://a.test/  (mon 17:30)"},
      {a,
       rules("{allow: {hosts: [a.test]}}, {block: {hosts: [\"**\"], address_classes: [global]}}"),
       "newly_blocked GET https://a.test/  (at 8.8.8.8)"},
      {rules("{allow: {hosts: [a.test], sni: [a.test]}}"),
       rules("{allow: {hosts: [a.test], sni: [b.test, a.test]}}"),
       "newly_allowed GET https://a.test/  (server name b.test)"},
      {rules("{allow: {hosts: [a.test], ports: [443]}}"),
       rules("{allow: {hosts: [a.test], ports: [\"443-444\"]}}"),
       "newly_allowed GET https://a.test:444/"},
      {rules("{allow: {hosts: [a.test], schemes: [https]}}"), a,
       "newly_allowed GET http://a.test/"},
      {"tcp: []\n", "tcp: [{allow: {hosts: [a.test], ports: [22]}}]\n",
       "newly_allowed TCP tcp://a.test:22"},
      // Where two rules meet.
      {rules("{allow: {hosts: [a.test]}}"),
       rules("{allow: {hosts: [a.test]}}, {block: {hosts: [\"**\"], paths: [\"/x/**\"]}}"),
       "newly_blocked GET https://a.test/x/x"},
      {rules("{allow: {hosts: [\"10.0.0.0/8\"]}}"),
       rules("{allow: {hosts: [\"10.0.0.0/8\"]}, private: true}"),
       "newly_allowed GET https://10.0.0.0/"},
      // Duties.
      {a, rules("{allow: {hosts: [a.test]}, private: true}"),
       "loosened GET https://a.test/: opens private addresses"},
      {a, rules("{allow: {hosts: [a.test]}, redact: [pii]}"),
       "tightened GET https://a.test/: redacts pii"},
      {"defaults: {redact: [secrets, pii]}\n" + a, a,
       "loosened GET https://a.test/: no longer redacts pii"},
      {a, rules("{allow: {hosts: [a.test]}, limits: {request_body: 5}}"),
       "tightened GET https://a.test/: limit of request_body: none -> 5"},
      {rules("{allow: {hosts: [a.test]}, limits: {request_body: 5}}"),
       rules("{allow: {hosts: [a.test]}, limits: {request_body: 6}}"),
       "loosened GET https://a.test/: limit of request_body: 5 -> 6"},
      {a, rules("{allow: {hosts: [a.test]}, tls: passthrough}"),
       "loosened GET https://a.test/: TLS is passed through"},
      {a, rules("{allow: {hosts: [a.test]}, restore: [request]}"),
       "loosened GET https://a.test/: puts tokens back in the request"},
      {login + rules("{allow: {hosts: [a.test], schemes: [https]}}"),
       login + rules("{allow: {hosts: [a.test], schemes: [https]}, credential: k}"),
       "loosened GET https://a.test/: gives the login k"},
      // Settings.
      {rules(""), "defaults: {inspect: 2MiB}\n", "loosened bodies are read up to 2097152 bytes"},
      {rules(""), "defaults: {inspect: 1KiB}\n", "tightened bodies are read up to 1024 bytes"},
      {"redaction: {rules: [{id: e, pattern: 'EMP-\\d{6}'}]}\n", rules(""),
       "loosened the redaction rule e is gone"},
      {rules(""), "redaction: {rules: [{id: email, action: report}]}\n",
       "changed the redaction rule email is new"},
      {"redaction: {placeholder: x}\n", rules(""), "changed masks look different"},
      {login, "credentials: [{id: k, type: header, header: x-l, value: {env: K}}]\n",
       "changed the credential k is another"},
  };
  for (const auto& one : cases) {
    const auto diff = diff_policies(load(one.before), load(one.after));
    const auto all = shown(diff);
    BOOST_TEST(!diff.same);
    BOOST_TEST(diff.sweep.all);
    BOOST_TEST((std::find(all.begin(), all.end(), one.first) != all.end()),
               one.first << " is not in " << (all.empty() ? "" : all.front()));
  }
}

BOOST_AUTO_TEST_CASE(what_is_called_in_a_call_is_tried_too) {
  const std::string host = rules("{allow: {hosts: [a.test]}}");
  const std::string reading = host + "tools: [{allow: {servers: [a.test], tools: [\"read_*\"]}}]\n";
  const struct {
    std::string before, after, first;
  } cases[] = {
      {host, host + "tools: []\n",
       "newly_blocked POST https://a.test/  (tools/call sluice-witness)"},
      {host + "tools: []\n", reading, "newly_allowed POST https://a.test/  (tools/call read_x)"},
      {reading, host + "tools: [{allow: {tools: [\"*\"]}}]\n",
       "newly_allowed POST https://a.test/  (tools/call x)"},
      {host + "tools: [{allow: {tools: [t]}}]\n",
       host + "tools: [{allow: {tools: [t]}}, {block: {arguments: {/a/b: {glob: \"/etc/**\"}}}}]\n",
       "newly_blocked POST https://a.test/  (tools/call t)"},
      {host + "agents: [{allow: {methods: [message/send]}}]\n",
       host + "agents: [{allow: {methods: [message/send, tasks/get]}}]\n",
       "newly_allowed POST https://a.test/  (tasks/get sluice-witness)"},
      {host + "models: [{allow: {models: [m], streaming: false}}]\n",
       host + "models: [{allow: {models: [m]}}]\n",
       "newly_allowed POST https://a.test/  (model m)"},
      {reading,
       host + "tools: [{allow: {servers: [a.test], tools: [\"read_*\"]}, redact: [pii]}]\n",
       "tightened POST https://a.test/  (tools/call read_x): redacts pii"},
  };
  for (const auto& [before, after, first] : cases) {
    const auto diff = shown(diff_policies(load(before), load(after)));
    BOOST_TEST_REQUIRE(!diff.empty(), first);
    BOOST_TEST(diff.front() == first);
  }
}

BOOST_AUTO_TEST_CASE(what_means_the_same_has_no_difference) {
  const auto same =
      diff_policies(load(rules("{allow: {hosts: [a.test, b.test]}}")),
                    load("hosts: {g: [b.test, a.test]}\n" + rules("{allow: {hosts: [$g]}}")));
  BOOST_TEST(same.same);
  BOOST_TEST(same.calls.empty());
  // Another digest, and no call that shows it.
  const auto names = diff_policies(load(rules("{allow: {hosts: [a.test]}}")),
                                   load(rules("{name: x, allow: {hosts: [a.test]}}")));
  BOOST_TEST(!names.same);
  BOOST_TEST(names.calls.empty());
  BOOST_TEST(names.settings.empty());
}

BOOST_AUTO_TEST_CASE(one_example_for_each_pair_of_rules) {
  const auto diff = diff_policies(
      load(rules("{allow: {hosts: [a.test, b.test, c.test]}}")),
      load(rules("{allow: {hosts: [c.test]}}, {block: {hosts: [a.test], methods: [GET]}}")));
  BOOST_TEST(diff.calls.size() == 2u); // by default_deny, and by the block
}

BOOST_AUTO_TEST_CASE(the_number_of_calls_is_bounded) {
  std::string many;
  for (int i = 0; i < 60; ++i) {
    many += (i == 0 ? "" : ", ");
    many += "{allow: {hosts: [";
    for (int host = 0; host < 60; ++host)
      many += (host == 0 ? "" : ", ") + ('h' + std::to_string(host * 60 + i)) + ".test";
    many += "], paths: [/a, /b, /c, /d, /e, /f, /g, /h, /i, /j]}}";
  }
  const auto diff = diff_policies(load(rules(many)), load(rules("")));
  BOOST_TEST(!diff.sweep.all);
  BOOST_TEST(diff.sweep.calls <= kMostWitnessCalls);
  BOOST_TEST(diff.calls.size() == 60u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
