#include "proxy/wire/websocket_handshake.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>

namespace sluice::wire {
namespace {

constexpr std::string_view kToken = "websocket";
constexpr std::size_t kKeyBytes = 16;
constexpr const char* kExtensions = "Sec-WebSocket-Extensions";

Error invalid(Origin origin, const char* phrase) {
  return make_error(origin, "websocket_invalid", phrase);
}

std::vector<std::string_view> elements(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto one = trim_ows(list.substr(0, comma));
    if (!one.empty()) out.push_back(one);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return out;
}

bool upgrades_to_websocket(const Fields& fields) {
  const auto upgrade = fields.only("upgrade");
  return upgrade && equal_ignore_case(*upgrade, kToken);
}

void say_upgrade(Fields& fields) {
  fields.set("Connection", "Upgrade");
  fields.set("Upgrade", kToken);
}

} // namespace

std::string websocket_accept(std::string_view key) {
  return to_base64(sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

bool asks_for_websocket(const RequestHead& head) {
  return upgrades_to_websocket(head.fields);
}

Result<WebSocketAsked> read_websocket_request(const RequestHead& head) {
  if (head.method != "GET") {
    return invalid(Origin::downstream,
                   "WebSocket asked for by a method other than GET (RFC 6455 §4.1)");
  }
  if (head.framing == BodyFraming::chunked ||
      (head.framing == BodyFraming::length && head.content_length > 0)) {
    return invalid(Origin::downstream, "WebSocket asked for with content (RFC 6455 §4.1)");
  }
  const auto version = head.fields.only("sec-websocket-version");
  if (!version || *version != "13") {
    return invalid(Origin::downstream, "Sec-WebSocket-Version is not 13 (RFC 6455 §4.1)");
  }
  const auto key = head.fields.only("sec-websocket-key");
  const auto nonce = key ? from_base64(*key) : std::nullopt;
  if (!nonce || nonce->size() != kKeyBytes) {
    return invalid(Origin::downstream,
                   "Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 §4.1)");
  }
  auto offers = read_deflate_offers(head.fields.joined("sec-websocket-extensions"));
  if (!offers) {
    return invalid(Origin::downstream, "Sec-WebSocket-Extensions malformed (RFC 6455 §9.1)");
  }
  return WebSocketAsked{std::string(*key), std::move(*offers)};
}

void write_websocket_request(const WebSocketAsked& asked, RequestHead& head) {
  say_upgrade(head.fields);
  head.fields.set("Sec-WebSocket-Key", to_base64(random_bytes(kKeyBytes)));
  if (asked.deflate.empty()) {
    head.fields.erase(kExtensions);
  } else {
    head.fields.set(kExtensions, deflate_offers(asked.deflate));
  }
}

Result<WebSocketAgreed> read_websocket_answer(const WebSocketAsked& asked, const RequestHead& sent,
                                              const ResponseHead& head) {
  const Fields& fields = head.fields;
  if (!upgrades_to_websocket(fields) || !fields.has_token("connection", "upgrade")) {
    return invalid(Origin::upstream, "a switch to something other than WebSocket (RFC 6455 §4.1)");
  }
  const auto accept = fields.only("sec-websocket-accept");
  const auto key = sent.fields.only("sec-websocket-key");
  if (!accept || !key || *accept != websocket_accept(*key)) {
    return invalid(Origin::upstream, "Sec-WebSocket-Accept is not the key's (RFC 6455 §4.1)");
  }
  if (fields.count("sec-websocket-protocol") > 0) {
    const auto chosen = fields.only("sec-websocket-protocol");
    const std::string offered = sent.fields.joined("sec-websocket-protocol");
    const auto all = elements(offered);
    if (!chosen || std::find(all.begin(), all.end(), *chosen) == all.end()) {
      return invalid(Origin::upstream, "a subprotocol that nobody offered (RFC 6455 §4.1)");
    }
  }
  WebSocketAgreed agreed;
  if (fields.count(kExtensions) == 0) return agreed;
  agreed.deflate = read_deflate_answer(fields.joined(kExtensions), asked.deflate);
  if (!agreed.deflate) {
    return invalid(Origin::upstream, "an extension that nobody offered (RFC 6455 §4.1)");
  }
  return agreed;
}

void write_websocket_answer(const WebSocketAsked& asked, const WebSocketAgreed& agreed,
                            ResponseHead& head) {
  say_upgrade(head.fields);
  head.fields.set("Sec-WebSocket-Accept", websocket_accept(asked.key));
  if (agreed.deflate) head.fields.set(kExtensions, deflate_answer(*agreed.deflate));
}

} // namespace sluice::wire
