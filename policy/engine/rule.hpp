// One compiled rule of any section: matchers, an effect, duties. An empty matcher list means "any"
// only where the document left the key out; a key given but empty is refused at load. Tested by
// tests/unit/engine/rule_test.cpp.
#pragma once

#include "policy/engine/pattern.hpp"
#include "policy/engine/time_window.hpp"
#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"
#include "policy/redact/user_rule.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::engine {

struct PortRange {
  std::uint16_t first = 0, last = 0;
  bool operator==(const PortRange&) const = default;
};

// Of a header or a parameter that may come more than once: allowed is what fits in each value,
// refused is what fits in one, however somebody may read it; one that is not there fits nothing.
struct NamedMatch {
  std::string name; // of a header in lower case
  std::vector<TextPattern> values;
  bool operator==(const NamedMatch&) const = default;
};

// Of a value in a JSON text: one kind of test, and it has to pass. Allowed is what passes with all
// values that somebody may take from there, refused what passes with one; see model::scalars_at.
struct ValueMatch {
  std::string pointer;             // RFC 6901
  std::vector<std::string> tokens; // of the pointer
  std::vector<ValuePattern> globs; // one of them; numbers and booleans are as they are written
  std::vector<Node> equals;        // one of them
  std::optional<double> min, max;  // of a number
  bool operator==(const ValueMatch& other) const noexcept;
};

struct Match {
  std::vector<HostPattern> hosts;
  std::vector<PortRange> ports;
  std::vector<std::string> methods; // upper case
  std::vector<PathPattern> paths;
  std::vector<model::Scheme> schemes;
  std::vector<NamedMatch> headers, query; // by name; all of them
  std::vector<TextPattern> content_types; // lower case
  std::vector<ValueMatch> values;         // of the body, or of a tool's arguments; all of them
  std::vector<HostPattern> server_names;  // `sni`
  std::vector<model::AddressClass> address_classes; // of what is dialled
  // Of model::Given, in every section.
  std::vector<TextPattern> agents, sessions;
  std::vector<TimeWindow> time;
  // In the sections of operations, where hosts are servers, peers and providers.
  std::vector<TextPattern> operation_methods; // agents
  std::vector<TextPattern> names;             // tools, skills, models
  std::optional<bool> streaming;              // models

  // What a CONNECT does not show.
  bool looks_inside() const noexcept {
    return !headers.empty() || !query.empty() || !content_types.empty() || !values.empty();
  }
  bool asks_for_given() const noexcept {
    return !agents.empty() || !sessions.empty() || !time.empty();
  }
  // What may turn out to be unknown: then a refusal matches, and an allow that asks for it not.
  bool asks_for_what_may_be_unknown() const noexcept {
    return asks_for_given() || !server_names.empty();
  }
  // Of an operation, what only its text shows.
  bool asks_for_operation() const noexcept {
    return !values.empty() || !operation_methods.empty() || !names.empty() || streaming;
  }
};

struct Rule {
  std::string id;   // egress[N], tcp[N], tools[N], agents[N], models[N]
  std::string name; // "" when absent
  model::Verdict effect = model::Verdict::block;
  bool report_only = false;
  Match match;
  std::vector<std::string> redact;      // adds to defaults.redact
  std::vector<std::string> restore;     // egress: the directions in which tokens are put back
  std::vector<std::string> credentials; // egress: ids, sorted; put into the request
  std::optional<model::TlsMode> tls;    // egress
  bool private_addresses = false;
  std::optional<std::uint64_t> request_body_limit;
  std::optional<std::uint64_t> byte_limit; // tcp
  std::optional<std::uint64_t> inspect;    // bytes of a body; else the defaults'
  model::QuotaLimits quota_limits;
  std::shared_ptr<const model::RuleQuotas> quotas; // made by seal(); null: no such limit
  std::shared_ptr<const model::DecisionPoint> ask; // null: nobody is asked
  std::string reason;
  std::vector<std::string> approvers;
  std::optional<std::chrono::milliseconds> hold; // how long a call waits for them

  std::optional<std::uint64_t> quota(model::Quota which) const noexcept {
    return quota_limits[static_cast<std::size_t>(which)];
  }
};

struct Defaults {
  model::TlsMode tls = model::TlsMode::intercept;
  std::vector<std::string> redact = {"secrets"};
  bool private_addresses = false;
  std::uint64_t inspect = std::uint64_t{1} << 20; // bytes of a body that rules may see
};

struct RedactionRule {
  redact::RuleText text; // without a pattern: about the built-in rule of that id
  redact::UserRule rule;
};

struct RedactionSettings {
  std::string placeholder = "[REDACTED:{rule}]";
  bool keep_length = false; // '*' for each byte in its place
  std::vector<RedactionRule> rules;
};

// What a rule is asked about: a call, or one operation in it. A rule of `egress` or `tcp` is asked
// about calls, a rule of `tools`, `agents` or `models` about operations.
struct Subject {
  Subject(const model::EgressCall& of, std::uint64_t inspect_bytes = 0,
          const model::Operation* in_it = nullptr, const model::IpAddress* resolved = nullptr)
      : call(of), inspect(inspect_bytes), operation(in_it), address(resolved) {}
  const model::EgressCall& call;
  std::uint64_t inspect;             // the defaults'
  const model::Operation* operation; // null: the call itself
  // That the call's name resolved to; null: nobody resolved it yet.
  const model::IpAddress* address;
};

// "" when the rule matches, else which matcher said no, in words.
std::string why_not(const Rule& rule, const Subject& subject);
bool matches(const Rule& rule, const Subject& subject) noexcept;
// Whether some call to this host could match, whatever else the rule asks for.
bool matches_host(const Rule& rule, const model::Host& host) noexcept;
// Whether what it asks of agent, session and time is so.
bool matches_given(const Rule& rule, const model::Given& given) noexcept;
// Whether it asks for what a CONNECT does not show: a method, a path, a field.
bool asks_for_exchange(const Rule& rule) noexcept;
// Whether host, port and scheme match, whatever else the rule asks for.
bool matches_destination(const Rule& rule, const model::EgressCall& call) noexcept;
// Whether every call to its hosts matches: it asks for nothing but the host.
bool asks_only_for_hosts(const Rule& rule) noexcept;

} // namespace sluice::engine
