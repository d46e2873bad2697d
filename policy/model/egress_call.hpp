// The facts a decision may use, fixed before anyone decides. Everything in it is canonical but what
// only matchers read, `fields`, `query` and `content`, which are as the agent sent them and may
// hold secrets: no record and no message ever takes from these. Passed as const& from here on and
// never edited. Tested by tests/unit/model/egress_call_test.cpp.
#pragma once

#include "policy/model/content.hpp"
#include "policy/model/destination.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::model {

enum class Protocol : std::uint8_t { http, connect, tcp, websocket };
std::string_view to_string(Protocol protocol) noexcept;

// Who acts: `agent` of sluice.yaml, "" for what it does not say.
struct Actor {
  std::string agent, session;
};

// What holds for a call before the agent says anything: facts of this process and of its clock,
// never of the traffic. Not known is not known: an allow that asks for it does not match, a refusal
// does.
struct Given {
  std::shared_ptr<const Actor> actor;
  std::optional<std::int64_t> unix_seconds; // when the call is judged
};

// Who stands at both ends of a call between sidecars, proven by mutual TLS, and the call of another
// sidecar that this one is made for. No rule asks for it.
struct Chain {
  std::string peer;           // who called; "" where nobody has to prove it
  std::string upstream_peer;  // who has to answer; "" where a host name says it
  std::string parent_call_id; // "" when it is made for none, or nobody can tell for which
  std::uint32_t hops = 0;     // calls of other programs that led to it
};

struct EgressCall {
  std::string call_id;  // ours
  std::string listener; // name of the listener it came in by
  Protocol protocol = Protocol::http;
  Destination to;
  std::string method;                   // "" for tcp; "CONNECT" for a tunnel
  std::string path;                     // normalised, no query; "" for tunnels
  std::vector<std::string> other_paths; // what else a server may take the path for
  std::vector<std::string> query_keys;  // for the record, which has no values
  std::string fields;                   // "name:value\n", names in lower case; see values_of_field
  std::string query;                    // as sent, without its '?'
  std::string sni;                      // "" when there was no TLS; see server_name
  bool before_hello = false;            // a tunnel whose first bytes, so its sni, are yet to come
  // Captured connections: where the agent connected to. It is the only address that is dialled.
  std::optional<IpAddress> original;
  std::shared_ptr<const Content> content; // null: nobody read it
  Given given;
  Chain chain;
};

inline constexpr std::string_view kInvalidName = "(invalid)"; // an sni that is no name
// The name that the TLS handshake gave; "" when there is none: an address is no name.
std::string_view server_name(const EgressCall& call) noexcept;
// "" when nobody knows.
std::string_view agent_of(const Given& given) noexcept;
std::string_view session_of(const Given& given) noexcept;
// Minutes since Monday, 00:00 UTC, of the week that it is in.
std::uint16_t minute_of_week(std::int64_t unix_seconds) noexcept;
inline constexpr std::uint16_t kMinutesOfDay = 24 * 60, kMinutesOfWeek = 7 * kMinutesOfDay;

void add_field(EgressCall& call, std::string_view name, std::string_view value);
// The values of a field, each as it was sent; `name` in lower case. '_' is the same as '-', as it
// is behind CGI. Views of `call`.
std::vector<std::string_view> values_of_field(const EgressCall& call, std::string_view name);
// What a value says to who reads it as a list (RFC 9110 §5.6.1): itself, when it is none.
std::vector<std::string_view> elements_of(std::string_view value);
// The values of a parameter. exactly: as a server of forms reads them (WHATWG URL §5.1).
// perhaps: as some server may, with ';' between parameters and names in any case, too.
enum class Reading : bool { exactly, perhaps };
std::vector<std::string> values_of_parameter(const EgressCall& call, std::string_view name,
                                             Reading reading);
// Of the body (RFC 9110 §8.3.1), in lower case and without parameters; "" when none is said, or
// more than one.
std::string media_type(const EgressCall& call);
// All that somebody may take for it.
std::vector<std::string> media_types(const EgressCall& call);
// What a section of that kind has to allow; views of `call`. One that nobody read, where there may
// be one; none before the body is asked for.
std::vector<const Operation*> operations_of(const EgressCall& call, Operation::Kind kind);
Content::State content_state(const EgressCall& call) noexcept;

} // namespace sluice::model
