// The opening handshake of WebSocket over HTTP/1.1 (RFC 6455 §4), from the middle: what an agent
// asks for and what an upstream answers, strictly, and both said anew. Extensions but
// permessage-deflate are not carried. Each hop has a key of its own.
// Never takes an answer for a switch that a client would not. Tested by
// tests/unit/wire/websocket_handshake_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/wire/head.hpp"
#include "proxy/wire/websocket_deflate.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

struct WebSocketAsked {
  std::string key; // as the field says it
  std::vector<DeflateOffer> deflate;
};
struct WebSocketAgreed {
  std::optional<DeflateTerms> deflate;
};

std::string websocket_accept(std::string_view key); // RFC 6455 §4.2.2

// Whether an upgrade is to WebSocket and to nothing else. Requires: wants_upgrade.
bool asks_for_websocket(const RequestHead& head);
// Requires: asks_for_websocket. Fails (downstream, "websocket_invalid") where §4.2.1 does.
Result<WebSocketAsked> read_websocket_request(const RequestHead& head);
// Into a head without hop-by-hop fields: what of it can be carried, under a key of our own.
void write_websocket_request(const WebSocketAsked& asked, RequestHead& head);

// `sent`: the head that went upstream. Fails (upstream, "websocket_invalid") where §4.1 tells a
// client to. Requires: status 101.
Result<WebSocketAgreed> read_websocket_answer(const WebSocketAsked& asked, const RequestHead& sent,
                                              const ResponseHead& head);
void write_websocket_answer(const WebSocketAsked& asked, const WebSocketAgreed& agreed,
                            ResponseHead& head);

} // namespace sluice::wire
