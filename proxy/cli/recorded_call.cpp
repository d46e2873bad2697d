#include "proxy/cli/recorded_call.hpp"

#include "policy/base/clock.hpp"
#include "policy/content/read_content.hpp"
#include "policy/evidence/canonical.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"
#include "proxy/cli/output.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::cli {
namespace {

using model::Protocol;
using model::Reason;
using model::Scheme;
using model::Verdict;

constexpr std::size_t kMaxStoredPolicy = 64U << 20;
constexpr std::string_view kRule = "{rule}";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD"; // what a record has for odd bytes

// Those that a policy gives. All others are of limits, protocols, services, or of redaction.
constexpr std::array kOfThePolicy = {Reason::none,
                                     Reason::default_deny,
                                     Reason::rule_block,
                                     Reason::approval_required,
                                     Reason::address_private,
                                     Reason::address_loopback,
                                     Reason::address_link_local,
                                     Reason::address_cgnat,
                                     Reason::address_metadata,
                                     Reason::address_multicast,
                                     Reason::address_reserved,
                                     Reason::address_embedded};

bool is_of_the_policy(const std::string& code) {
  return std::any_of(kOfThePolicy.begin(), kOfThePolicy.end(),
                     [&](Reason one) { return model::row(one).code == code; });
}

std::string text(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

template <class E, std::size_t N>
std::optional<E> word(const std::array<E, N>& all, const std::string& text) {
  for (const E one : all) {
    if (to_string(one) == text) return one;
  }
  return std::nullopt;
}

constexpr std::array kVerdicts = {Verdict::block, Verdict::require_approval, Verdict::allow};
constexpr std::array kProtocols = {Protocol::http, Protocol::connect, Protocol::tcp,
                                   Protocol::websocket};
constexpr std::array kSchemes = {Scheme::http, Scheme::https, Scheme::tcp};

// In place of what was cut from a text or a list.
bool is_cut(const std::string& said) {
  return said.ends_with(" bytes]") && said.find("[+") != said.npos;
}

// False when the record's destination is none.
bool read_destination(const Json& payload, RecordedCall& out) {
  const auto at = payload.find("destination");
  if (at == payload.end() || !at->is_object()) return false;
  const auto host = model::Host::parse(text(*at, "host"));
  const auto scheme = word(kSchemes, text(*at, "scheme"));
  const auto port = at->find("port");
  if (!host || !scheme || port == at->end() || !port->is_number_unsigned()) return false;
  const auto number = port->get<std::uint64_t>();
  if (number > 65535) return false;
  out.call.to = {*scheme, host.value(), static_cast<std::uint16_t>(number)};
  out.call.sni = text(*at, "sni");
  out.address = model::IpAddress::parse_strict(text(*at, "address"));
  return true;
}

// The readings of a path are found again, as they were when it came.
bool read_path(const Json& payload, model::EgressCall& call) {
  call.path = text(payload, "path");
  if (call.protocol != Protocol::http && call.protocol != Protocol::websocket) return true;
  if (call.path.empty() || call.path == "*") return true;
  const auto normal = model::normalise_path(call.path);
  if (!normal || normal.value() != call.path) return false;
  auto others = model::other_readings(call.path);
  if (!others) return false;
  call.other_paths = std::move(others.value());
  return true;
}

} // namespace

bool RecordReader::is_decision(const evidence::Line& line) {
  return line.event_type == "egress_allowed" || line.event_type == "policy_denied" ||
         line.event_type == "approval_required";
}

const RecordReader::Masks& RecordReader::masks_of(const std::string& digest) {
  const auto known = masks_.find(digest);
  if (known != masks_.end()) return known->second;
  Masks& out = masks_[digest];
  std::string placeholder = "[REDACTED:{rule}]";
  const auto stored =
      evidence::read_file(evidence::policy_path(directory_, digest), kMaxStoredPolicy);
  const auto policy = stored ? Json::parse(stored.value(), nullptr, false) : Json();
  if (policy.is_object() && policy.contains("redaction") && policy["redaction"].is_object()) {
    const auto& redaction = policy["redaction"];
    if (const auto said = text(redaction, "placeholder"); !said.empty()) placeholder = said;
    out.keeps_length = text(redaction, "length") == "keep";
  }
  const auto rule = placeholder.find(kRule);
  out.before = placeholder.substr(0, rule);
  if (rule != placeholder.npos) out.after = placeholder.substr(rule + kRule.size());
  return out;
}

// Rather too often than not: a mask is no path that anybody asked for.
bool RecordReader::may_be_masked(const std::string& text, const std::string& digest) {
  const Masks& masks = masks_of(digest);
  const auto holds = [&](std::string_view part) { return text.find(part) != text.npos; };
  if (is_cut(text) || holds(kReplacement) || holds("sl_")) return true; // a token of the run
  if (masks.keeps_length && text != "*" && holds("*")) return true;
  return holds(masks.before) && holds(masks.after);
}

std::optional<RecordedCall> RecordReader::read(const evidence::Line& line, std::string& why) {
  const auto refuse = [&](const char* what) {
    why = what;
    return std::nullopt;
  };
  const Json payload = Json::parse(line.payload, nullptr, false);
  if (!payload.is_object()) return refuse("the record cannot be read");
  RecordedCall out;
  if (!is_of_the_policy(text(payload, "reason_code")))
    return refuse("it was refused by something else than the policy");
  if (!read_destination(payload, out)) return refuse("it names no destination");
  const auto would = text(payload, "would");
  const auto verdict = word(kVerdicts, would.empty() ? text(payload, "decision") : would);
  const auto protocol = word(kProtocols, text(payload, "protocol"));
  if (!verdict || !protocol) return refuse("the record cannot be read");
  out.verdict = *verdict;
  out.rule_id = text(payload, "rule_id");
  out.rule_name = text(payload, "rule_name");
  out.call.protocol = *protocol;
  out.call.call_id = text(payload, "call_id");
  out.call.listener = text(payload, "listener");
  out.call.method = text(payload, "method");
  // No record has a body; these have none that anybody reads.
  const bool bodiless = out.call.method == "GET" || out.call.method == "HEAD";
  if (!bodiless) out.call.content = content::head_only();
  if (bodiless) out.call.content = content::read_content(out.call, {}, content::Ended::yes);
  const auto digest = text(payload, "policy_digest");
  const model::Actor actor{text(payload, "agent_id"), text(payload, "session_id")};
  if (may_be_masked(actor.agent, digest) || may_be_masked(actor.session, digest))
    return refuse("its agent or session is masked or cut");
  out.call.given.actor = std::make_shared<const model::Actor>(actor);
  if (const auto time = parse_rfc3339_nanos(line.timestamp))
    out.call.given.unix_seconds = *time / 1'000'000'000;
  // One that was refused may have been refused before its handshake.
  out.call.before_hello =
      *protocol == Protocol::connect && *verdict != Verdict::allow && out.call.sni.empty();
  const auto path = text(payload, "path");
  if (!path.empty() && may_be_masked(path, digest)) return refuse("its path is masked or cut");
  if (!read_path(payload, out.call)) return refuse("its path is masked or cut");
  if (payload.contains("query_keys") && payload["query_keys"].is_array()) {
    for (const auto& key : payload["query_keys"]) {
      if (key.is_string()) out.call.query_keys.push_back(key.get<std::string>());
    }
  }
  return out;
}

} // namespace sluice::cli
