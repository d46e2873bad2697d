// What a call asks of the outside. Its counterpart is event.hpp: what can happen to it. Performed
// in order; nothing awaits between handing in an event and queueing its actions.
#pragma once

#include "policy/model/egress_call.hpp"
#include "proxy/call/permit.hpp"
#include "proxy/wire/head.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::call {

struct AskGate {
  model::EgressCall call;
};
// A refusal that needs no gate: record it, then answer with Refused. `call` is what was understood.
struct RecordRefusal {
  Refusal refusal;
  std::optional<model::EgressCall> call;
};
// Open an upstream under machine.permit(); `fresh` after a pooled connection turned out dead.
enum class Pooling : std::uint8_t { may_reuse, fresh };
struct Connect {
  Pooling pooling = Pooling::may_reuse;
};
struct SendRequestHead {
  wire::RequestHead head;
};
struct SendRequestBody {
  std::string bytes;
};
struct SendRequestEnd {
  wire::Fields trailers;
};
struct SendResponseHead {
  wire::ResponseHead head;
}; // interim heads too
struct SendResponseBody {
  std::string bytes;
};
struct SendResponseEnd {
  wire::Fields trailers;
};
struct ReleaseUpstream {}; // back to the pool
struct AbandonUpstream {}; // close it
struct CloseUpstream {};   // after what is queued has been sent
struct CloseDownstream {}; // after what is queued has been sent
struct AbortDownstream {}; // at once: the peer must not take what it has for a whole message
struct Finished {};        // the call is over; the connection may carry the next

using Action =
    std::variant<AskGate, RecordRefusal, Connect, SendRequestHead, SendRequestBody, SendRequestEnd,
                 SendResponseHead, SendResponseBody, SendResponseEnd, ReleaseUpstream,
                 AbandonUpstream, CloseUpstream, CloseDownstream, AbortDownstream, Finished>;
using Actions = std::vector<Action>;

} // namespace sluice::call
