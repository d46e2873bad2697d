// The smuggling gate: where a message ends must have one answer for every reader on the path, or
// the message is refused. Pure functions over a parsed head; they run after every head, because
// Beast's parser takes several of these messages (an unknown Transfer-Encoding, a second Host).
// Never repairs a message: what is doubtful is refused, also where an RFC would allow a guess.
// Tested by tests/unit/wire/framing_test.cpp and tests/vectors/http1.
#pragma once

#include "proxy/wire/head.hpp"
#include "proxy/wire/http1.hpp"

#include <optional>
#include <string_view>

namespace sluice::wire {

// Each fills in framing, content_length, keep_alive and the other judged members of `head`.
// nullopt means accepted.
std::optional<ProtocolError> settle_request(RequestHead& head);
// `request_method` is the request this answers (RFC 9112 §6.3: HEAD and CONNECT change the length).
std::optional<ProtocolError> settle_response(ResponseHead& head, std::string_view request_method);
std::optional<ProtocolError> check_trailers(const Fields& trailers);

// A field that frames, routes or authenticates a message, or says how to read its content: it may
// not come as a trailer (RFC 9110 §6.5.1) and Connection cannot take it away (§7.6.1).
bool decides_meaning(std::string_view name) noexcept;

} // namespace sluice::wire
