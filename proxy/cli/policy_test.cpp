#include "proxy/cli/policy_test.hpp"

#include "policy/base/reader.hpp"
#include "policy/engine/engine.hpp"
#include "proxy/call/body_pipe.hpp"
#include "proxy/call/credentials.hpp"
#include "proxy/call/head_rules.hpp"
#include "proxy/cli/asked_call.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Expected {
  std::optional<std::string> decision, rule, reason_code, url, body, response;
  Fields headers;
  std::optional<std::set<std::string>> findings, credentials;
};

struct Case {
  std::string name, method, url;
  model::EgressCall call;
  std::vector<model::IpAddress> addresses; // that its name resolves to
  Fields headers;
  std::string body, response, response_type;
  Expected expected;
};

// What the policy made of a case.
struct Got {
  model::Decision decision;
  std::string url, body, response;
  wire::Fields headers;
  std::set<std::string> findings;
};

struct Difference {
  std::string what, expected, got;
};

Fields parse_headers(Reader headers) {
  Fields out;
  if (!headers.present()) return out;
  for (auto& [name, value] : headers.members()) out.emplace_back(name, value.text().value_or(""));
  return out;
}

Json json_of(const Node& node) {
  switch (node.kind) {
  case Node::Kind::null: return nullptr;
  case Node::Kind::boolean: return node.boolean;
  case Node::Kind::integer: return node.integer;
  case Node::Kind::real: return node.real;
  case Node::Kind::string: return node.text;
  case Node::Kind::list: break;
  case Node::Kind::map: {
    Json out = Json::object();
    for (const Member& member : node.members) out[member.key] = json_of(member.value);
    return out;
  }
  }
  Json out = Json::array();
  for (const Node& item : node.items) out.push_back(json_of(item));
  return out;
}

// As it is written, or what is written as a map or a list as JSON.
std::string parse_body(Reader body) {
  if (!body.present()) return "";
  const Node& node = *body.node();
  if (node.is_map() || node.is_list()) return json_of(node).dump();
  return body.text().value_or("");
}

void parse_call(Reader call, Case& out) {
  Reader url = call.required("url");
  out.method = call.at("method").string().value_or("GET");
  out.url = url.string().value_or("");
  out.headers = parse_headers(call.at("headers"));
  out.body = parse_body(call.at("body"));
  out.response = call.at("response").text().value_or("");
  out.response_type = call.at("response_type").string().value_or("");
  AskedFacts facts;
  facts.agent = call.at("agent").string().value_or("");
  facts.session = call.at("session").string().value_or("");
  facts.time = call.at("time").text().value_or("");
  facts.sni = call.at("sni").string().value_or("");
  facts.resolves_to = call.at("resolves_to").strings(EmptyList::refuse);
  call.finish();
  std::string why;
  auto asked = asked_call(out.method, out.url, why);
  if (asked) {
    for (const auto& [name, value] : out.headers) model::add_field(*asked, name, value);
    if (!give_facts(*asked, facts, out.addresses, why)) call.error(why);
    out.call = std::move(*asked);
  } else if (!out.url.empty()) {
    url.error(why, "write https://host/path, or method: TCP and tcp://host:port");
  }
}

std::optional<std::set<std::string>> parse_set(Reader words) {
  if (!words.present()) return std::nullopt;
  const auto all = words.strings();
  return std::set<std::string>(all.begin(), all.end());
}

void parse_expected(Reader expect, Expected& out) {
  constexpr std::array kDecisions = {
      Word<std::string_view>{"allow", "allow"}, Word<std::string_view>{"block", "block"},
      Word<std::string_view>{"require_approval", "require_approval"}};
  if (const auto decision = expect.at("decision").one_of(kDecisions)) out.decision = *decision;
  out.rule = expect.at("rule").string();
  out.reason_code = expect.at("reason_code").string();
  out.url = expect.at("url").text();
  out.body = expect.at("body").text();
  out.response = expect.at("response").text();
  out.headers = parse_headers(expect.at("headers"));
  out.findings = parse_set(expect.at("findings"));
  out.credentials = parse_set(expect.at("credentials"));
  expect.finish();
}

std::vector<Case> parse_cases(Reader root) {
  std::vector<Case> out;
  Reader version = root.required("version");
  if (version.present() && version.integer(1, 1) != 1) return out;
  for (Reader& item : root.required("cases").items(EmptyList::refuse)) {
    Case& one = out.emplace_back();
    parse_call(item.required("call"), one);
    parse_expected(item.required("expect"), one.expected);
    one.name = item.at("name").text().value_or(one.method + " " + shown_url(one.url));
    item.finish();
  }
  root.finish();
  return out;
}

// Values are not read: what stands in the place of each is its placeholder.
std::shared_ptr<const call::CredentialSet> test_logins(const engine::Snapshot& policy) {
  if (policy.credentials.empty()) return nullptr;
  std::vector<call::CredentialValue> all;
  for (const auto& one : policy.credentials)
    all.push_back({one, Secret(std::string(model::kCredentialMark) + one.id())});
  return std::make_shared<call::CredentialSet>(std::move(all));
}

// The cases of a file are a run of their own, whose tokens can be written down.
std::shared_ptr<redact::TokenVault> test_vault() {
  return std::make_shared<redact::TokenVault>(redact::TokenVault::Limits(),
                                              Secret("sluice policy test"));
}

class Tester {
 public:
  static Result<Tester> make(const std::shared_ptr<const engine::Snapshot>& policy) {
    Tester out(policy);
    auto rules = engine::redaction_of(*policy);
    if (engine::uses_tokens(*policy)) rules.vault = test_vault();
    out.logins_ = test_logins(*policy);
    SLUICE_TRY(out.redaction_.everywhere, redact::RuleSet::build(rules));
    SLUICE_TRY(out.redaction_.credentials, redact::RuleSet::build(rules.for_credentials()));
    return out;
  }

  Got run(const Case& one) const {
    Got out;
    out.url = one.url, out.body = one.body, out.response = one.response;
    auto call = one.call;
    give_body(call, one.body, std::max<std::uint64_t>(engine_->policy().inspect_most, 1));
    out.decision = engine_->decide(call);
    if (out.decision.allowed()) {
      out.decision = engine_->decide_addresses(call, out.decision, one.addresses).decision;
    }
    for (const auto& [name, value] : one.headers) out.headers.add(name, value);
    if (!out.decision.allowed() || out.decision.obligations.redact.empty()) return out;
    auto redaction = redaction_;
    redaction.obey(out.decision.obligations);
    call::FindingList findings;
    std::string blocked;
    Result<> read = success();
    const bool is_http = one.call.protocol != model::Protocol::tcp;
    if (is_http && !redact_head(one, redaction, out, findings)) {
      out.decision = model::Decision::refuse(model::Reason::credential_refused);
      return out;
    }
    // A case says its texts as they are read, whatever they are coded in.
    if (!out.body.empty()) {
      const auto codings = wire::parse_codings(out.headers.joined("content-encoding"));
      read = codings ? redact_body(redaction, redact::Place::request_body,
                                   out.headers.joined("content-type"), out.body, findings, blocked)
                     : Result<>(codings.error());
    }
    if (read) {
      read = redact_body(redaction, redact::Place::response_body, one.response_type, out.response,
                         findings, blocked);
    }
    if (blocked.empty()) blocked = call::blocked_by(findings);
    if (!read) out.decision = model::Decision::refuse(model::Reason::content_undecodable);
    if (!blocked.empty()) out.decision = model::Decision::refuse(model::Reason::secret_blocked);
    for (const auto& place : findings) {
      for (const auto& found : place.findings.all()) out.findings.insert(found.rule);
    }
    return out;
  }

 private:
  explicit Tester(const std::shared_ptr<const engine::Snapshot>& policy)
      : engine_(engine::make_engine(engine::EngineKind::reference, policy)) {}

  // False: no login can be put into it.
  bool redact_head(const Case& one, const call::HeadRedaction& redaction, Got& out,
                   call::FindingList& findings) const {
    const auto login = call::Login::make(logins_, out.decision.obligations.credentials);
    if (!login) return false;
    wire::RequestHead head;
    head.method = one.method;
    head.fields = out.headers;
    const auto path = one.url.find_first_of("/?#", one.url.find("://") + 3);
    const auto origin = one.url.substr(0, path);
    std::string target = path == std::string::npos ? "" : one.url.substr(path);
    if (!target.starts_with('/')) target.insert(0, "/");
    const std::string asked = target;
    login.value().make_room(head.fields, target);
    if (logins_ && call::holds_placeholder(head.fields, target)) return false;
    call::prepare_request(head, target, one.call.to, redaction, findings);
    login.value().put_into(head);
    if (const auto* signer = login.value().signer()) // a signature would say when it was made
      head.fields.add("authorization", std::string(model::kCredentialMark) + signer->id());
    out.headers = head.fields;
    if (head.target != asked) out.url = origin + head.target;
    return true;
  }

  static Result<> redact_body(const call::HeadRedaction& redaction, redact::Place place,
                              std::string_view type, std::string& text, call::FindingList& findings,
                              std::string& blocked) {
    SLUICE_TRY(auto pipe,
               call::BodyPipe::redacting(redaction.everywhere, "", type, redaction.in(place)));
    std::string masked;
    SLUICE_TRY(pipe.feed(text, masked));
    SLUICE_TRY(pipe.finish(masked));
    text = std::move(masked);
    if (blocked.empty()) blocked = pipe.blocked_by();
    findings.push_back({"", "body", pipe.findings()});
    return success();
  }

  std::shared_ptr<const engine::Engine> engine_;
  call::HeadRedaction redaction_;
  std::shared_ptr<const call::CredentialSet> logins_;
};

std::string joined(const std::set<std::string>& all) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
  return out;
}

std::vector<Difference> compare(const Expected& expected, const Got& got) {
  std::vector<Difference> out;
  const auto check = [&](const char* what, const std::optional<std::string>& wanted,
                         const std::string& found) {
    if (wanted && *wanted != found) out.push_back({what, *wanted, found});
  };
  check("decision", expected.decision, std::string(model::to_string(got.decision.verdict)));
  if (expected.rule != got.decision.rule_name) { // by either of its names
    check("rule", expected.rule, got.decision.rule_id);
  }
  check("reason_code", expected.reason_code, std::string(model::row(got.decision.reason).code));
  check("url", expected.url, got.url);
  for (const auto& [name, value] : expected.headers) {
    check(("header " + name).c_str(), value, got.headers.joined(name));
  }
  check("body", expected.body, got.body);
  check("response", expected.response, got.response);
  if (expected.credentials) {
    const auto& given = got.decision.obligations.credentials;
    check("credentials", joined(*expected.credentials), joined({given.begin(), given.end()}));
  }
  if (expected.findings) check("findings", joined(*expected.findings), joined(got.findings));
  return out;
}

} // namespace

int run_policy_test(const Output& out, const std::string& file,
                    const std::shared_ptr<const engine::Snapshot>& policy) {
  Diagnostics problems;
  const auto document = load_document(file, problems);
  std::vector<Case> cases;
  if (document) cases = parse_cases(Reader(*document, problems));
  if (has_errors(problems)) return out.fail(problems);
  const auto tester = Tester::make(policy);
  if (!tester) return out.fail(tester.error());

  Json list = Json::array();
  std::string text;
  std::size_t failed = 0;
  for (const Case& one : cases) {
    const auto differences = compare(one.expected, tester.value().run(one));
    failed += differences.empty() ? 0 : 1;
    text += (differences.empty() ? "ok    " : "FAIL  ") + one.name + "\n";
    Json shown = Json::array();
    for (const auto& [what, expected, got] : differences) {
      shown.push_back({{"what", what}, {"expected", expected}, {"got", got}});
      text.append("      ").append(what).append("\n      - ").append(expected);
      text.append("\n      + ").append(got).append("\n");
    }
    list.push_back(
        {{"name", one.name}, {"passed", differences.empty()}, {"differences", std::move(shown)}});
  }
  text += std::to_string(cases.size() - failed) + " of " + std::to_string(cases.size()) +
          " cases are as expected\n";
  out.print({{"policy_digest", policy->digest},
             {"passed", cases.size() - failed},
             {"failed", failed},
             {"cases", std::move(list)}},
            text);
  return failed == 0 ? kDone : kFailed;
}

} // namespace sluice::cli
