#include "tests/unit/engine/decision_table.hpp"

#include "policy/base/clock.hpp"
#include "policy/base/reader.hpp"
#include "policy/content/read_content.hpp"
#include "policy/engine/canonical.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine::testing {
namespace {

using model::Decision;
using model::EgressCall;
using model::Protocol;
using model::Reason;

constexpr std::array kVerdicts = {Word<std::string_view>{"allow", "allow"},
                                  Word<std::string_view>{"block", "block"},
                                  Word<std::string_view>{"require_approval", "require_approval"}};
constexpr std::array kTlsModes = {Word<std::string_view>{"intercept", "intercept"},
                                  Word<std::string_view>{"passthrough", "passthrough"}};

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  return joined(std::set<std::string>(words.begin(), words.end()));
}

std::optional<Reason> find_reason(std::string_view text, std::string_view model::ReasonRow::*by) {
  for (int i = 0; i < static_cast<int>(Reason::count_); ++i) {
    const auto& row = model::row(static_cast<Reason>(i));
    if (row.*by == text) return row.reason;
  }
  return std::nullopt;
}

// By its name or its id; "" when the policy has no such rule.
std::string id_of(const Snapshot& policy, const std::string& rule) {
  std::string id;
  policy.each_rule([&](const Rule& one) {
    if (id.empty() && (one.id == rule || (!rule.empty() && one.name == rule))) id = one.id;
  });
  return id;
}

Result<EgressCall> call_to(const std::string& method, const std::string& url) {
  constexpr std::string_view kTcp = "tcp://";
  EgressCall out;
  out.method = method;
  if (url.starts_with(kTcp)) {
    SLUICE_TRY(const auto to, model::parse_host_port(std::string_view(url).substr(kTcp.size())));
    out.protocol = Protocol::tcp;
    out.method.clear();
    out.to = {model::Scheme::tcp, to.host, to.port.value_or(0)};
    return out;
  }
  SLUICE_TRY(const auto target, model::parse_target(url));
  out.to = target.absolute.value_or(model::Destination());
  if (method == "CONNECT") { // a tunnel has no path
    out.protocol = Protocol::connect;
    return out;
  }
  out.path = target.path;
  out.other_paths = target.other_paths;
  out.query = target.query;
  return out;
}

// A list is a field that is there more than once. A WebSocket is a GET that asks for an upgrade.
void add_headers(Reader headers, EgressCall& call) {
  if (!headers.present()) return;
  for (auto& [name, value] : headers.members()) {
    const bool list = value.present() && value.node()->is_list();
    const auto values = list ? value.strings(EmptyList::refuse)
                             : std::vector<std::string>{value.text().value_or("")};
    for (const auto& one : values) model::add_field(call, name, one);
  }
  const auto upgrade = model::values_of_field(call, "upgrade");
  if (!upgrade.empty() && upgrade.front() == "websocket") call.protocol = Protocol::websocket;
}

void write_json(const Node& node, std::string& out) {
  const bool text = node.kind == Node::Kind::string;
  if (!node.is_list() && !node.is_map()) out += text ? quoted(node.text) : node.text;
  if (node.is_list()) {
    out += '[';
    for (const Node& item : node.items) {
      write_json(item, out);
      out += ',';
    }
    if (!node.items.empty()) out.pop_back();
    out += ']';
  } else if (node.is_map()) {
    out += '{';
    for (const Member& member : node.members) {
      out += quoted(member.key) + ':';
      write_json(member.value, out);
      out += ',';
    }
    if (!node.members.empty()) out.pop_back();
    out += '}';
  }
}

// A map or a list is JSON. `unread`: longer than anybody reads.
void read_body(Reader body, EgressCall& call, std::string& line) {
  std::string text;
  bool whole = true;
  if (body.present()) {
    const Node& node = *body.node();
    if (node.is_map() || node.is_list()) write_json(node, text);
    if (!node.is_map() && !node.is_list()) text = node.text;
    whole = text != "unread";
  }
  line += text;
  if (call.protocol == Protocol::http)
    call.content = content::read_content(call, whole ? text : "{",
                                         whole ? content::Ended::yes : content::Ended::no);
}

// What is not written is not known. A CONNECT without `sni` is judged before its handshake, with
// `sni: none` after one that gave no name.
void read_given(Reader& call, EgressCall& out, std::string& line) {
  const auto word = [&](const char* key) {
    const auto said = call.at(key).text().value_or("");
    line += said.empty() ? "" : std::string(" ") + key + ' ' + said;
    return said;
  };
  const auto agent = word("agent"), session = word("session"), time = word("time");
  out.given.actor = std::make_shared<const model::Actor>(model::Actor{agent, session});
  if (const auto nanos = parse_rfc3339_nanos(time))
    out.given.unix_seconds = *nanos / 1'000'000'000;
  else if (!time.empty())
    call.at("time").error("not a time");
  const auto sni = word("sni");
  out.before_hello = out.protocol == Protocol::connect && sni.empty();
  if (sni != "none") out.sni = sni;
}

void read_call(Reader call, TableCase& out, std::string& line) {
  const std::string method = call.at("method").string().value_or("GET");
  Reader url = call.required("url");
  const std::string text = url.string().value_or("");
  const bool tcp = text.starts_with("tcp://");
  if ((method == "TCP") != tcp) url.error("the method TCP and tcp:// go together");
  if (text.find("://") == text.npos) url.error("expected a whole URL");
  line = method + ' ' + text;
  auto made = call_to(method, text);
  if (made) {
    out.call = std::move(made.value());
  } else {
    const auto reason = find_reason(made.error().code, &model::ReasonRow::code);
    out.unread = reason.value_or(Reason::internal_error);
  }
  read_given(call, out.call, line);
  add_headers(call.at("headers"), out.call);
  line += out.call.fields;
  read_body(call.at("body"), out.call, line);
  call.finish();
}

// What is not written follows: a case that names a rule has said why.
Reason reason_that_follows(const Said& said) {
  const std::string& rule = said.at("rule");
  if (said.at("decision") == "allow") return Reason::none;
  if (said.at("decision") == "require_approval") return Reason::approval_required;
  return find_reason(rule, &model::ReasonRow::guard).value_or(Reason::rule_block);
}

void read_size(Reader size, const char* key, Said& out) {
  if (!size.present()) return;
  const bool none = size.node()->text == "none";
  out[key] = none ? "none" : std::to_string(size.size().value_or(0));
}

void read_words(Reader words, const char* key, Said& out) {
  if (words.present()) out[key] = joined(words.strings());
}

std::string read_reported(Reader reported, const Snapshot& policy) {
  std::set<std::string> out;
  if (!reported.present()) return "";
  for (auto& [name, verdict] : reported.members()) {
    const std::string id = id_of(policy, name);
    if (id.empty()) verdict.error("no rule of the policy is called that");
    out.insert(id + ' ' + std::string(verdict.one_of(kVerdicts).value_or("")));
  }
  return joined(out);
}

Said read_expected(Reader expect, const Snapshot& policy) {
  Said out;
  out["decision"] = expect.required("decision").one_of(kVerdicts).value_or("block");
  Reader rule = expect.required("rule");
  const std::string name = rule.string().value_or("");
  const bool ours = find_reason(name, &model::ReasonRow::guard).has_value();
  out["rule"] = ours ? name : id_of(policy, name);
  if (rule.present() && out["rule"].empty()) rule.error("no rule of the policy is called that");
  Reader code = expect.at("reason_code");
  const auto reason = find_reason(code.string().value_or(""), &model::ReasonRow::code);
  if (code.present() && !reason) code.error("no reason is called that");
  out["reason_code"] = model::row(reason.value_or(reason_that_follows(out))).code;
  out["reported"] = read_reported(expect.at("reported"), policy);
  if (const auto text = expect.at("explanation").text()) out["explanation"] = *text;
  for (const char* key : {"redact", "restore", "credentials"}) read_words(expect.at(key), key, out);
  for (const char* key : {"request_body", "bytes"}) read_size(expect.at(key), key, out);
  if (const auto tls = expect.at("tls").one_of(kTlsModes)) out["tls"] = *tls;
  for (const char* key : {"private", "dns"}) {
    if (const auto yes = expect.at(key).boolean()) out[key] = *yes ? "true" : "false";
  }
  expect.finish();
  return out;
}

void read_case(Reader& item, DecisionTable& table, std::map<std::string, int>& lines,
               const std::string& file) {
  TableCase one;
  const int line = item.node()->line;
  one.place = file + ':' + std::to_string(line);
  std::string said;
  read_call(item.required("call"), one, said);
  one.expected = read_expected(item.required("expect"), *table.policy);
  Reader resolves = item.at("resolves_to");
  std::vector<std::optional<model::IpAddress>> addresses;
  if (resolves.present()) {
    for (Reader& address : resolves.items(EmptyList::refuse)) {
      addresses.push_back(model::IpAddress::parse_strict(address.text().value_or("")));
      if (!addresses.back()) address.error("not an address");
    }
  } else {
    addresses.emplace_back();
  }
  item.finish();
  for (const auto& address : addresses) {
    one.resolved = address;
    const auto key = said + (address ? " at " + address->text() : "");
    const auto [first, added] = lines.emplace(key, line);
    if (!added) item.error("the call of line " + std::to_string(first->second) + " again");
    table.cases.push_back(one);
  }
}

// The lines before a policy are kept, so that what is wrong with it is named by its own line.
PolicyLoad load_policy(Reader& item, const std::string& file, const std::string& root) {
  Reader written = item.at("policy");
  Reader name = item.at("policy_file");
  if (written.present() == name.present()) {
    item.error("a table has either a policy or a policy_file");
    return {};
  }
  if (name.present()) return load_policy_file(root + '/' + name.string().value_or(""));
  const std::string text = written.string().value_or("");
  return load_policy_text(std::string(static_cast<std::size_t>(written.node()->line), '\n') + text,
                          file);
}

DecisionTable read_table(Reader& item, const std::string& file, const std::string& root,
                         Diagnostics& problems) {
  DecisionTable out;
  out.place = file + ':' + std::to_string(item.node()->line);
  item.required("about").string();
  auto loaded = load_policy(item, file, root);
  std::copy_if(loaded.diagnostics.begin(), loaded.diagnostics.end(), std::back_inserter(problems),
               [](const auto& one) { return one.level == Diagnostic::Level::error; });
  out.policy = loaded.snapshot ? loaded.snapshot : std::make_shared<const Snapshot>();
  std::map<std::string, int> lines;
  for (Reader& one : item.required("cases").items(EmptyList::refuse))
    read_case(one, out, lines, file);
  item.finish();
  return out;
}

std::string limit(const std::optional<std::uint64_t>& bytes) {
  return bytes ? std::to_string(*bytes) : "none";
}

Said said_of(const Decision& decision) {
  const auto& duties = decision.obligations;
  std::set<std::string> reported;
  for (const auto& one : decision.reported) {
    reported.insert(one.rule_id + ' ' + std::string(model::to_string(one.verdict)));
  }
  return {{"decision", std::string(model::to_string(decision.verdict))},
          {"rule", decision.rule_id},
          {"reason_code", std::string(model::row(decision.reason).code)},
          {"explanation", decision.explanation},
          {"redact", joined(duties.redact)},
          {"restore", joined(duties.restore)},
          {"credentials", joined(duties.credentials)},
          {"request_body", limit(duties.request_body_limit)},
          {"bytes", limit(duties.byte_limit)},
          {"tls", std::string(model::to_string(duties.tls))},
          {"private", duties.private_addresses ? "true" : "false"},
          {"reported", joined(reported)}};
}

// What holds of every decision, whatever a case names.
std::string always(const BothEngines& engines, const Decision& decision) {
  if (decision.severity != model::row(decision.reason).severity) return "severity";
  if (!decision.allowed() && decision.obligations != model::Obligations())
    return "a refusal has duties";
  if (decision.rule_id == id_of(engines.policy(), decision.rule_name)) return "";
  return decision.rule_name.empty() ? "" : "the rule's name is not that of its id";
}

} // namespace

std::vector<DecisionTable> read_tables(std::string_view text, const std::string& file,
                                       const std::string& root, Diagnostics& problems) {
  const auto document = parse_document(text, file, problems);
  if (!document) return {};
  Reader reader(*document, problems);
  reader.required("version").integer(1, 1);
  std::vector<DecisionTable> out;
  for (Reader& item : reader.required("tables").items(EmptyList::refuse))
    out.push_back(read_table(item, file, root, problems));
  reader.finish();
  return has_errors(problems) ? std::vector<DecisionTable>() : out;
}

std::vector<std::string> differences(const BothEngines& engines, const TableCase& one) {
  std::vector<std::string> out;
  Decision decision = Decision::refuse(one.unread);
  Said said;
  if (one.unread == Reason::none) {
    decision = engines.decide(one.call);
    const bool known = engines.could_allow(one.call.to.host, one.call.given);
    if (decision.verdict != model::Verdict::block && !known)
      out.push_back(one.place + ": DNS answers nothing for what may be called");
    if (one.resolved) decision = engines.decide_address(one.call, decision, *one.resolved);
    said["dns"] = known ? "true" : "false";
  }
  said.merge(said_of(decision));
  const std::string wrong = always(engines, decision);
  if (!wrong.empty()) out.push_back(one.place + ": " + wrong);
  for (const auto& [what, expected] : one.expected) {
    const std::string& got = said[what];
    if (got == expected) continue;
    const auto at = one.resolved ? " at " + one.resolved->text() : "";
    out.push_back(one.place + at + ": " + what + ": expected " + expected + ", got " + got);
  }
  return out;
}

} // namespace sluice::engine::testing
