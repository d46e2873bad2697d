// What can happen to a call. Its counterpart is action.hpp: what the call may ask of the outside.
// Views in events live until on() returns.
#pragma once

#include "proxy/call/permit.hpp"
#include "proxy/wire/http1.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace sluice::call {

// from downstream
struct RequestHeadReceived {
  wire::RequestHead head;
};
struct RequestBodyReceived { // once the machine has switched: bytes of the new protocol
  std::string_view bytes;
};
struct RequestEnded {
  wire::Fields trailers;
  std::int64_t unix_nanos = 0; // now; what is signed says when
};
struct RequestFaulted {
  wire::ProtocolError error;
};
struct DownstreamClosed {};
// from the gate
struct Admitted {
  Permit permit;
};
struct Refused {
  Refusal refusal;
};
// from upstream
enum class ConnectionAge : std::uint8_t { fresh, reused };
struct UpstreamOpened {
  ConnectionAge age = ConnectionAge::fresh;
  std::string address;         // "ip:port" dialled
  std::string tls_version;     // "" when plain
  std::string peer = {};       // the identity that it proved; "" when none was asked for
  std::int64_t unix_nanos = 0; // now
};
struct UpstreamFailed {
  model::Reason reason = model::Reason::upstream_unreachable;
  std::string detail;
};
struct ResponseHeadReceived {
  wire::ResponseHead head;
  std::int64_t after_ns = 0; // since the call was admitted
};
struct ResponseBodyReceived { // likewise
  std::string_view bytes;
};
struct ResponseEnded {
  wire::Fields trailers;
};
struct ResponseFaulted {
  wire::ProtocolError error;
};
struct UpstreamClosed {};
// from the clock
struct DeadlinePassed {};
// from outside the call: a kill, a drain that ran out, a policy that no longer allows it
struct Cut {
  model::Reason reason = model::Reason::killed;
};

using Event = std::variant<RequestHeadReceived, RequestBodyReceived, RequestEnded, RequestFaulted,
                           DownstreamClosed, Admitted, Refused, UpstreamOpened, UpstreamFailed,
                           ResponseHeadReceived, ResponseBodyReceived, ResponseEnded,
                           ResponseFaulted, UpstreamClosed, DeadlinePassed, Cut>;

} // namespace sluice::call
