// sluice.yaml: what loads, and what every mistake is answered with.
#include "proxy/runtime/config.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;
using runtime::load_config_text;

namespace {

const std::string kMinimal =
    "version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:0\"}]\npolicy: p.yaml\n";

std::string problems(const std::string& text) {
  return format(load_config_text(text, "/etc/s/sluice.yaml").diagnostics);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(defaults_deny) {
  const auto load = load_config_text(kMinimal, "/etc/s/sluice.yaml");
  BOOST_REQUIRE(load.config.has_value());
  BOOST_CHECK(load.config->settings.mode == io::Mode::dry_run);
  BOOST_TEST(load.config->policy_file == "/etc/s/p.yaml");
  BOOST_TEST(load.config->log.directory == "/etc/s/evidence");
  BOOST_TEST(load.config->ca_dir.empty());
  BOOST_CHECK(load.config->engine == engine::EngineKind::reference);
  BOOST_CHECK(load.config->log.commit == evidence::Commit::written);
}

BOOST_AUTO_TEST_CASE(whole_document) {
  const auto load = load_config_text(
      "version: 1\nmode: enforce\nagent: {id: a, session: s, actor: me}\n"
      "listeners:\n  - {name: out, kind: forward, bind: \"127.0.0.1:15001\"}\n"
      "  - {name: in, kind: reverse, bind: \"[::1]:8130\", upstream: \"http://Responder.:8111\"}\n"
      "policy: p.yaml\ntls: {ca_dir: ca, upstream_roots: none, extra_roots: [x.pem]}\n"
      "secrets: [{id: db, value: {env: DB}}, {id: f, value: {file: s.txt}}, {id: e, value: {exec: "
      "[cat, x]}}]\n"
      "evidence: {dir: ev, commit: synced}\n"
      "limits: {request_body: 1MiB, header_timeout: 2s, header_bytes: 8KiB, connections: 7}\n"
      "resolve: {Api.Test: [10.0.0.1, \"::1\"]}\nworkers: 2\nengine: compiled\n",
      "sluice.yaml");
  BOOST_TEST_INFO(format(load.diagnostics));
  BOOST_REQUIRE(load.config.has_value());
  const auto& settings = load.config->settings;
  BOOST_TEST(settings.listeners.size() == 2U);
  BOOST_TEST(settings.listeners[1].upstream->host.text() == "responder");
  BOOST_TEST(settings.listeners[1].upstream->port == 8111);
  BOOST_TEST(settings.limits.request_body == 1U << 20);
  BOOST_TEST(settings.limits.head.head_bytes == 8192U);
  BOOST_TEST(settings.limits.connections == 7U);
  BOOST_TEST(settings.static_hosts.at("api.test").size() == 2U);
  BOOST_TEST(load.config->secrets.size() == 3U);
  BOOST_TEST(settings.workers == 2U);
  BOOST_CHECK(load.config->engine == engine::EngineKind::compiled);
}

BOOST_AUTO_TEST_CASE(every_problem_at_once_with_its_place) {
  const auto text =
      problems("version: 1\nmode: enforced\nlisteners: []\npolcy: p.yaml\nengine: fast\n");
  BOOST_TEST(has(text, "/etc/s/sluice.yaml:2:"));
  BOOST_TEST(has(text, "/mode"));
  BOOST_TEST(has(text, "/engine"));
  BOOST_TEST(has(text, "/listeners"));
  BOOST_TEST(has(text, "/polcy"));
  BOOST_TEST(has(text, "policy")); // the nearest known key, and the missing one
}

BOOST_AUTO_TEST_CASE(mistakes) {
  const std::pair<const char*, const char*> table[] = {
      {"version: 2\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:1\"}]\npolicy: p\n",
       "/version"},
      {"version: 1\nlisteners: [{name: a, kind: transparent, bind: \"0.0.0.0:1\", upstream: "
       "\"http://a\"}]\npolicy: p\n",
       "/listeners/0/upstream"},
      {"version: 1\nlisteners: [{name: a, kind: tcp, bind: \"127.0.0.1:1\", upstream: "
       "\"db\"}]\npolicy: "
       "p\n",
       "host:port"},
      {"version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:1\", capture: tproxy}]\n"
       "policy: p\n",
       "only a transparent listener"},
      {"version: 1\nlisteners: [{name: a, kind: reverse, bind: \"127.0.0.1:1\"}]\npolicy: p\n",
       "upstream"},
      {"version: 1\nlisteners: [{name: a, kind: reverse, bind: \"127.0.0.1:1\", upstream: "
       "\"ftp://x\"}]\npolicy: p\n",
       "not an upstream"},
      {"version: 1\nlisteners: [{name: a, kind: reverse, bind: \"127.0.0.1:1\", upstream: "
       "\"http://x/path\"}]\npolicy: p\n",
       "not an upstream"},
      {"version: 1\nlisteners: [{name: a, kind: forward, bind: \"localhost:1\"}]\npolicy: p\n",
       "not an address to listen on"},
      {"version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1\"}]\npolicy: p\n",
       "not an address to listen on"},
      {"version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:99999\"}]\npolicy: p\n",
       "not an address to listen on"},
      {"version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:1\", upstream: "
       "\"http://x\"}]\npolicy: p\n",
       "/listeners/0/upstream"},
      {"version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:1\"}, {name: a, kind: "
       "forward, bind: \"127.0.0.1:2\"}]\npolicy: p\n",
       "two listeners"},
  };
  for (const auto& [text, expected] : table) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(!load_config_text(text, "f").config.has_value());
      BOOST_TEST(has(problems(text), expected), problems(text));
    }
  }
}

BOOST_AUTO_TEST_CASE(peers_and_who_has_to_be_there) {
  const auto config = [](const std::string& listener, bool identity = true) {
    return std::string("version: 1\npolicy: p\n") +
           (identity ? "identity: {certificate: i.pem, key: i.key, roots: ca.pem}\n" : "") +
           "listeners:\n  - {name: a, bind: \"127.0.0.1:1\", " + listener + "}\n";
  };
  const std::string reverse = "kind: reverse, upstream: \"https://net:1\"";
  const auto load = load_config_text(
      config(reverse + ", peers: [\"spiffe://d/a\", \"spiffe://d/b\"], upstream_peer: "
                       "\"spiffe://d/c\""),
      "/etc/s/sluice.yaml");
  BOOST_REQUIRE_MESSAGE(load.config.has_value(), format(load.diagnostics));
  BOOST_TEST(load.config->identity->key == "/etc/s/i.key");
  const auto& listener = load.config->settings.listeners.at(0);
  BOOST_TEST(listener.peers.size() == 2U);
  BOOST_TEST(listener.upstream_peer == "spiffe://d/c");
  const std::string tcp = "kind: tcp, upstream: \"db:1\"";
  BOOST_TEST(problems(config(tcp + ", upstream_peer: \"spiffe://d/c\"")) == "");

  const std::pair<std::string, const char*> table[] = {
      {config(reverse + ", peers: [\"spiffe://d/a\"]", false), "f:4:85: /listeners/0/peers: this"},
      {config(tcp + ", upstream_peer: \"spiffe://d/a\"", false),
       "/listeners/0/upstream_peer: this"},
      {config(reverse + ", peers: []"), "/listeners/0/peers: "},
      {config(reverse + ", peers: [\"spiffe://D/a\"]"), "/listeners/0/peers/0: not an identity"},
      {config(reverse + ", peers: [\"spiffe://d/a?b\"]"), "/listeners/0/peers/0: not an identity"},
      {config(reverse + ", upstream_peer: \"spiffe://d\""),
       "upstream_peer: not an identity: it has"},
      {config("kind: reverse, upstream: \"http://net:1\", upstream_peer: \"spiffe://d/c\""),
       "/listeners/0/upstream_peer: nobody proves who is there without TLS"},
      {config("kind: forward, peers: [\"spiffe://d/a\"]"), "/listeners/0/peers"},
      {config("kind: dns, upstream_peer: \"spiffe://d/a\""), "only reverse and tcp listeners"},
      {config(tcp, false) + "identity: {certificate: a, key: b}\n", "/identity"},
  };
  for (const auto& [text, expected] : table) {
    const auto said = format(load_config_text(text, "f").diagnostics);
    BOOST_TEST(has(said, expected), text << said);
  }
}

BOOST_AUTO_TEST_CASE(two_that_listen_at_one_place_are_noticed) {
  const auto config = [](const std::string& first, const std::string& second) {
    return "version: 1\npolicy: p\nlisteners:\n  - {name: a, kind: forward, bind: \"" + first +
           "\"}\n  - {name: b, kind: dns, bind: \"" + second + "\"}\n";
  };
  const std::string said = "f:5:32: /listeners/1/bind: listener a is bound to 127.0.0.1:1 already";
  const auto text = format(load_config_text(config("127.0.0.1:1", "127.0.0.1:1"), "f").diagnostics);
  BOOST_TEST(has(text, said), text);
  BOOST_TEST(has(problems(config("0.0.0.0:1", "127.0.0.1:1")), "bound to 0.0.0.0:1 already"));
  BOOST_TEST(has(problems(config("127.0.0.1:1", "[::]:1")), "bound to 127.0.0.1:1 already"));
  BOOST_TEST(problems(config("127.0.0.1:1", "127.0.0.1:2")) == "");
  BOOST_TEST(problems(config("127.0.0.1:0", "127.0.0.1:0")) == "");
  BOOST_TEST(
      has(problems(config("127.0.0.1:1", "127.0.0.1:2") + "admin: {bind: \"127.0.0.1:2\"}\n"),
          "/admin/bind: listener b is bound to"));
}

BOOST_AUTO_TEST_CASE(a_secret_in_the_file_is_refused_and_not_quoted) {
  const auto text = problems(kMinimal + "secrets: [{id: db, value: hunter2hunter2}]\n");
  BOOST_TEST(has(text, "a secret never stands in the file"));
  BOOST_TEST(!has(text, "hunter2"));
  BOOST_TEST(
      has(problems(kMinimal + "secrets: [{id: db, value: {env: A, file: b}}]\n"), "one source"));
}

BOOST_AUTO_TEST_CASE(limits_and_static_hosts_are_checked) {
  BOOST_TEST(has(problems(kMinimal + "limits: {header_timeout: 10}\n"), "/limits/header_timeout"));
  BOOST_TEST(has(problems(kMinimal + "limits: {headr_timeout: 10s}\n"), "header_timeout"));
  BOOST_TEST(has(problems(kMinimal + "resolve: {api.test: [localhost]}\n"), "not an address"));
  BOOST_TEST(has(problems(kMinimal + "resolve: {\"10.0.0.1\": [10.0.0.2]}\n"), "not a host name"));
  BOOST_TEST(has(problems(kMinimal + "admin: {bind: x}\n"), "/admin"));
}

BOOST_AUTO_TEST_CASE(defaults_table_names_every_limit) {
  std::string all;
  for (const auto& row : runtime::config_defaults()) all += row.key + " ";
  for (const char* key : {"limits.header_bytes", "limits.request_body", "limits.drain",
                          "limits.connections", "mode", "engine"}) {
    BOOST_TEST(has(all, key));
  }
}

BOOST_AUTO_TEST_SUITE_END()
