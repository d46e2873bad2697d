// Session, the part that lets other sidecars in: mutual TLS from the first byte, and of those whose
// certificate is good only the peers that the listener names. Whatever else comes is put on record
// and reset: before the handshake nobody would understand an answer, and after it nobody who asks
// is known.
#include "proxy/io/session.hpp"
#include "proxy/io/worker.hpp"

#include "certs/trust.hpp"
#include "policy/base/digest.hpp"
#include "proxy/call/chain.hpp"

#include <algorithm>
#include <utility>

namespace sluice::io {

// What the peer did wrong; "" when it is one of ours, which from_ then says.
std::string Session::why_no_peer(const ErrorCode& error) {
  if (expired_) return "no TLS handshake within limits.header_timeout";
  SSL* ssl = downstream_.native_tls();
  if (error) {
    auto unverified = certs::verification_failure(ssl);
    if (unverified.empty()) return "no mutual TLS: " + error.message();
    return "its certificate is not good: " + unverified;
  }
  auto found = certs::peer_identity(ssl);
  if (!found) return "its certificate is no identity: " + found.error().detail;
  const auto& peers = listener_.peers;
  if (std::find(peers.begin(), peers.end(), found.value()) == peers.end())
    return found.value() + " is none of the listener's peers";
  from_.peer = std::move(found.value());
  return {};
}

Task<bool> Session::admit_peer() {
  expect_within(worker_.settings().limits.header_timeout);
  const auto* identity = worker_.services().identity;
  std::string why = "this sidecar has no identity";
  if (identity != nullptr) {
    const auto error = co_await downstream_.accept_tls(identity->to_accept(), "");
    if (cut_ != model::Reason::none) co_return false;
    why = why_no_peer(error);
  }
  expect_nothing();
  if (why.empty()) co_return true;
  model::EgressCall facts;
  facts.call_id = new_id(worker_.services().clock.unix_nanos());
  facts.listener = from_.listener;
  facts.protocol = model::Protocol::tcp;
  facts.to = *listener_.upstream;
  facts.chain.upstream_peer = from_.upstream_peer;
  co_await refuse_raw(model::Reason::peer_unverified, std::move(why), std::move(facts));
  co_return false;
}

void Session::place_in_chain(model::EgressCall& call) const {
  call.chain.peer = from_.peer;
  call.chain.upstream_peer = from_.upstream_peer;
  call::place_in_chain(call.chain, {},
                       from_.outside ? nullptr : worker_.services().open_calls.get());
}

std::string Session::too_many_hops(const model::EgressCall& call) const {
  const auto limit = worker_.settings().limits.hops;
  return call.chain.hops > limit ? "limits.hops is " + std::to_string(limit) : std::string();
}

} // namespace sluice::io
