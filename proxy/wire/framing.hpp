// The smuggling gate: what a message head may look like before anything is believed of it. Beast's
// parser accepts bare LF, obs-fold, unknown transfer codings, two Hosts and more; two readers of
// such a message disagree about where it ends. Pure functions; every check names its RFC section.
// Never repairs: a head in doubt is refused. Tested by tests/unit/wire/framing_test.cpp.
#pragma once

#include "proxy/wire/http1.hpp"

#include <optional>
#include <string_view>

namespace sluice::wire {

enum class MessageKind : std::uint8_t { request, response };

// On raw bytes. `head` ends with the empty line. nullopt: nothing wrong.
std::optional<ProtocolError> check_raw_head(std::string_view head, MessageKind kind, const Limits& limits);
// One field line without its CRLF; appends to `fields`. Used for trailers.
std::optional<ProtocolError> parse_field_line(std::string_view line, Fields& fields);

// On parsed fields: decides framing, length, keep-alive and the flags of the head.
std::optional<ProtocolError> settle_request(RequestHead& head);
// `request_method`: HEAD and CONNECT answers have no body.
std::optional<ProtocolError> settle_response(ResponseHead& head, std::string_view request_method);
// RFC 9110 §6.5.1: what a trailer section may not hold.
std::optional<ProtocolError> check_trailers(const Fields& trailers);

bool is_token(std::string_view text) noexcept;        // RFC 9110 §5.6.2
bool is_field_value(std::string_view text) noexcept;  // RFC 9110 §5.5: no control bytes but HTAB

}  // namespace sluice::wire
