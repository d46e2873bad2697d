#include "proxy/call/point_question.hpp"

#include "policy/base/digest.hpp"
#include "policy/evidence/json_writer.hpp"
#include "policy/redact/redactor.hpp"

#include <utility>
#include <vector>

namespace sluice::call {
namespace {

using evidence::JsonWriter;
using Kind = model::DecisionPoint::Kind;

struct Facts { // masked
  std::string agent_id, host, listener, method, path, rule_id, rule_name, run_id, session_id;
  std::string call_id, policy_digest;
  std::string_view protocol, scheme;
  std::vector<std::string> query_keys;
  std::uint16_t port = 0;
};

class Mask {
 public:
  explicit Mask(const AskedBy& by) : rules_(by.rules) { scope_.pii = by.pii; }
  std::string operator()(std::string_view text) const {
    if (!rules_ || text.empty()) return std::string(text);
    return redact::redact_whole(rules_, text, scope_).text;
  }

 private:
  const std::shared_ptr<const redact::RuleSet>& rules_;
  redact::Scope scope_; // everywhere, and all that is found is masked
};

Facts facts_for(const model::DecisionPoint& point, const model::EgressCall& call,
                std::string_view path, const AskedBy& by) {
  const Mask mask(by);
  Facts out;
  out.agent_id = mask(by.who.agent_id);
  out.run_id = mask(by.who.run_id);
  out.session_id = mask(by.who.session_id);
  out.host = mask(call.to.host.text());
  out.listener = mask(call.listener);
  out.method = mask(call.method);
  out.path = mask(path);
  out.rule_id = point.rule_id;
  out.rule_name = mask(point.rule_name);
  out.call_id = call.call_id;
  out.policy_digest = by.policy_digest;
  out.protocol = to_string(call.protocol);
  out.scheme = to_string(call.to.scheme);
  for (const auto& key : call.query_keys) out.query_keys.push_back(mask(key));
  out.port = call.to.port;
  return out;
}

enum class CallId : bool { without, with };

void write_keys(JsonWriter& json, const Facts& facts) {
  json.key("query_keys").begin_array();
  for (const auto& key : facts.query_keys) json.string(key);
  json.end_array();
}

void write_facts(JsonWriter& json, const Facts& facts, CallId id) {
  json.begin_object().key("agent_id").string(facts.agent_id);
  if (id == CallId::with) json.key("call_id").string(facts.call_id);
  json.key("host").string(facts.host);
  json.key("listener").string(facts.listener);
  json.key("method").string(facts.method);
  json.key("path").string(facts.path);
  json.key("policy_digest").string(facts.policy_digest);
  json.key("port").integer(facts.port);
  json.key("protocol").string(facts.protocol);
  write_keys(json, facts);
  json.key("rule_id").string(facts.rule_id);
  json.key("rule_name").string(facts.rule_name);
  json.key("run_id").string(facts.run_id);
  json.key("scheme").string(facts.scheme);
  json.key("session_id").string(facts.session_id);
  json.end_object();
}

std::string host_of(const Facts& facts) {
  return facts.host.find(':') == std::string::npos ? facts.host : '[' + facts.host + ']';
}

std::string opa_body(const Facts& facts) {
  JsonWriter json;
  json.begin_object().key("input");
  write_facts(json, facts, CallId::with);
  return json.end_object().take();
}

// OpenID AuthZEN Authorization API 1.0: who (subject) wants to do what (action) with what
// (resource).
std::string authzen_body(const Facts& facts) {
  JsonWriter json;
  json.begin_object();
  json.key("action").begin_object();
  json.key("name").string(facts.method.empty() ? std::string_view("CONNECT") : facts.method);
  json.end_object();
  json.key("context").begin_object();
  json.key("call_id").string(facts.call_id);
  json.key("listener").string(facts.listener);
  json.key("policy_digest").string(facts.policy_digest);
  json.key("rule_id").string(facts.rule_id);
  json.key("rule_name").string(facts.rule_name);
  json.end_object();
  json.key("resource").begin_object();
  json.key("id").string(std::string(facts.scheme) + "://" + host_of(facts) + ':' +
                        std::to_string(facts.port) + facts.path);
  json.key("properties").begin_object();
  json.key("host").string(facts.host);
  json.key("path").string(facts.path);
  json.key("port").integer(facts.port);
  json.key("protocol").string(facts.protocol);
  write_keys(json, facts);
  json.key("scheme").string(facts.scheme);
  json.end_object();
  json.key("type").string("url").end_object();
  json.key("subject").begin_object();
  json.key("id").string(facts.agent_id);
  json.key("properties").begin_object();
  json.key("run_id").string(facts.run_id);
  json.key("session_id").string(facts.session_id);
  json.end_object().key("type").string("agent").end_object();
  return json.end_object().take();
}

// Bytes that end a line, a list or a target, and '%' where it is not part of the text already.
std::string encoded(std::string_view text, std::string_view also) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && also.find(c) == std::string_view::npos) {
      out += c;
    } else {
      out.append(1, '%').append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
    }
  }
  return out;
}

Error cannot_ask(std::string why) {
  return make_error(Origin::internal, "cannot_ask", std::move(why));
}

// As Envoy asks: the method and the path of the call itself, with the path of the URL before it.
Result<wire::RequestHead> check_head(const model::DecisionPoint& point,
                                     const model::EgressCall& call, const Facts& facts) {
  if (!facts.path.starts_with('/')) return cannot_ask("the call has no path");
  if (facts.method != call.method || facts.host != call.to.host.text())
    return cannot_ask("the method or the host holds a secret");
  wire::RequestHead head;
  head.method = facts.method;
  head.target = point.where.target;
  while (head.target.ends_with('/')) head.target.pop_back();
  head.target += encoded(facts.path, "\"#<>?\\^`{|}[]");
  head.fields.add("Host", call.to.authority());
  const auto add = [&](std::string_view name, std::string_view value) {
    head.fields.add(std::string("X-Sluice-").append(name), encoded(value, "%"));
  };
  add("Agent-Id", facts.agent_id);
  add("Call-Id", facts.call_id);
  add("Listener", facts.listener);
  add("Policy-Digest", facts.policy_digest);
  add("Port", std::to_string(facts.port));
  add("Protocol", facts.protocol);
  std::string keys;
  for (const auto& key : facts.query_keys) keys += (keys.empty() ? "" : ",") + encoded(key, "%,");
  head.fields.add("X-Sluice-Query-Keys", keys);
  add("Rule-Id", facts.rule_id);
  add("Rule-Name", facts.rule_name);
  add("Run-Id", facts.run_id);
  add("Scheme", facts.scheme);
  add("Session-Id", facts.session_id);
  return head;
}

wire::RequestHead post_head(const model::DecisionPoint& point) {
  wire::RequestHead head;
  head.method = "POST";
  head.target = point.where.target;
  head.fields.add("Host", point.where.to.authority());
  head.fields.add("Content-Type", "application/json");
  head.fields.add("Accept", "application/json");
  return head;
}

} // namespace

Result<PointQuestion> make_question(const model::DecisionPoint& point,
                                    const model::EgressCall& call, std::string_view path,
                                    const AskedBy& by) {
  const Facts facts = facts_for(point, call, path, by);
  PointQuestion out;
  JsonWriter same;
  write_facts(same, facts, CallId::without);
  out.key = sha256(point.text() + '\n' + same.take());
  switch (point.kind) {
  case Kind::opa:
    out.head = post_head(point);
    out.body = opa_body(facts);
    break;
  case Kind::authzen:
    out.head = post_head(point);
    out.body = authzen_body(facts);
    break;
  case Kind::ext_authz_http: {
    SLUICE_TRY(auto head, check_head(point, call, facts));
    out.head = std::move(head);
    break;
  }
  }
  out.head.fields.add("User-Agent", "sluice/" SLUICE_VERSION);
  out.head.framing = wire::BodyFraming::length;
  out.head.content_length = out.body.size();
  out.head.keep_alive = true;
  return out;
}

} // namespace sluice::call
