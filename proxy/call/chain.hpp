// What sidecars tell each other of a chain of calls, in two fields: x-sluice-call, the id of the
// call, and x-sluice-hops, how many calls led to it. They are believed when a verified peer says
// them; a program may only name a call that is open here. Whatever else came under these names
// never goes on, in any spelling a server may take for them. Tested by
// tests/unit/call/chain_test.cpp and tests/playbook/chain_test.cpp.
#pragma once

#include "policy/model/egress_call.hpp"
#include "proxy/call/open_calls.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace sluice::call {

inline constexpr std::uint32_t kEndlessHops = std::numeric_limits<std::uint32_t>::max();

struct ChainSaid {
  std::string call_id;    // in the form of ours; "" for anything else
  std::uint32_t hops = 0; // kEndlessHops for what is no count: a limit must not be got around
};

bool is_call_id(std::string_view text) noexcept; // as new_id() makes them
void drop_chain_fields(wire::Fields& fields);
ChainSaid take_chain_fields(wire::Fields& fields); // and drops them
enum class Caller : bool { known, outside };       // whose call begins a chain
// Into a request that goes on: to a peer both, to the program behind a listener with peers or for
// the outside the call it is answering, to anybody else nothing.
void put_chain_fields(wire::Fields& fields, const model::EgressCall& call,
                      Caller from = Caller::known);

// Parent and hops, for a chain whose peer is known. `open` null: no call is.
void place_in_chain(model::Chain& chain, const ChainSaid& said, const OpenCalls* open);

} // namespace sluice::call
