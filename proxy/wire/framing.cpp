#include "proxy/wire/framing.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace sluice::wire {
namespace {

using Verdict = std::optional<ProtocolError>;

ProtocolError refuse(const char* phrase) {
  return ProtocolError{ProtocolFault::framing, phrase};
}

constexpr std::array<std::string_view, 30> kDeciding = {
    // framing
    "content-length", "transfer-encoding", "trailer", "te", "connection", "keep-alive",
    "proxy-connection", "upgrade",
    // routing
    "host", "max-forwards", "location",
    // request modifiers and response control
    "expect", "range", "if-range", "cache-control", "pragma", "vary", "date", "expires",
    // authentication
    "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "cookie",
    "set-cookie",
    // how to read the content
    "content-encoding", "content-type", "content-range", "content-location", "age"};

// Content-Length and Transfer-Encoding, found in one pass over the fields.
struct Declared {
  std::size_t lengths = 0, codings = 0;
  std::string_view length, coding;
  bool disguised = false;
};

bool same_with_underscores(std::string_view name, std::string_view framing_name) {
  return name.size() == framing_name.size() && name.find('_') != std::string_view::npos &&
         std::equal(name.begin(), name.end(), framing_name.begin(), [](char a, char b) {
           return (a == '_' && b == '-') || equal_ignore_case({&a, 1}, {&b, 1});
         });
}

Declared find_declared(const Fields& fields) {
  constexpr std::string_view kLength = "content-length", kCoding = "transfer-encoding";
  Declared found;
  for (const Field& field : fields.all()) {
    if (equal_ignore_case(field.name, kLength)) {
      ++found.lengths;
      found.length = field.value;
    } else if (equal_ignore_case(field.name, kCoding)) {
      ++found.codings;
      found.coding = field.value;
    } else if (same_with_underscores(field.name, kLength) ||
               same_with_underscores(field.name, kCoding)) {
      found.disguised = true;
    }
  }
  return found;
}

// RFC 9110 §8.6: 1*DIGIT. Not above what a signed 64-bit reader can hold.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return value;
}

// What Content-Length and Transfer-Encoding say together, for either direction.
Verdict judge_declared(Head& head) {
  const Declared found = find_declared(head.fields);
  if (found.disguised) {
    return refuse("a framing field spelled with an underscore (RFC 9112 §11.2)");
  }
  if (found.codings > 0) {
    if (found.lengths > 0) {
      return refuse("Content-Length beside Transfer-Encoding (RFC 9112 §6.1)");
    }
    if (head.version == Version::http10) {
      return refuse("Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)");
    }
    if (found.codings > 1) return refuse("Transfer-Encoding repeated (RFC 9112 §6.1)");
    if (!equal_ignore_case(found.coding, "chunked")) {
      return refuse("Transfer-Encoding other than chunked (RFC 9112 §6.1)");
    }
    head.framing = BodyFraming::chunked;
    return std::nullopt;
  }
  if (found.lengths == 0) return std::nullopt;
  if (found.lengths > 1) return refuse("Content-Length repeated (RFC 9112 §6.3)");
  const auto length = parse_length(found.length);
  if (!length) return refuse("Content-Length is not a number in range (RFC 9112 §6.3)");
  head.framing = BodyFraming::length;
  head.content_length = *length;
  return std::nullopt;
}

bool declares_body(const Head& head) {
  return head.framing == BodyFraming::chunked ||
         (head.framing == BodyFraming::length && head.content_length > 0);
}

void frame_without_body(Head& head) {
  head.framing = BodyFraming::none;
  head.content_length = 0;
}

// RFC 9112 §9.3, in its order.
bool keeps_alive(const Head& head) {
  if (head.fields.has_token("connection", "close")) return false;
  return head.version == Version::http11 || head.fields.has_token("connection", "keep-alive");
}

// uri-host [ ":" port ] (RFC 9110 §7.2), narrowed to what names and addresses are made of.
bool is_host(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const auto address = text.substr(1, close - 1);
    if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return false;
    }
    port = text.substr(close + 1);
  } else {
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    if (name.empty() || !all_are(kHostNameChar, name)) return false;
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(port.front() == ':' ? 1 : 0);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number <= 65535;
}

Verdict judge_host(const RequestHead& head) {
  const auto hosts = head.fields.count("host");
  if (hosts > 1) return refuse("Host repeated (RFC 9112 §3.2)");
  if (hosts == 0) {
    if (head.version == Version::http10) return std::nullopt;
    return refuse("Host missing (RFC 9112 §3.2)");
  }
  if (!is_host(*head.fields.only("host"))) return refuse("Host invalid (RFC 9112 §3.2)");
  return std::nullopt;
}

// Requires: the framing is known.
Verdict judge_expect(RequestHead& head) {
  const auto expectations = head.fields.count("expect");
  if (expectations == 0) return std::nullopt;
  const auto expected = head.fields.only("expect");
  if (!expected || !equal_ignore_case(*expected, "100-continue")) {
    return refuse("Expect other than 100-continue (RFC 9110 §10.1.1)");
  }
  // RFC 9110 §10.1.1: ignored in HTTP/1.0, and means nothing without content.
  head.expects_continue = head.version == Version::http11 && declares_body(head);
  return std::nullopt;
}

} // namespace

bool decides_meaning(std::string_view name) noexcept {
  return std::any_of(kDeciding.begin(), kDeciding.end(),
                     [&](std::string_view one) { return equal_ignore_case(name, one); });
}

Verdict settle_request(RequestHead& head) {
  if (auto fault = judge_declared(head)) return fault;
  if (auto fault = judge_host(head)) return fault;
  // RFC 9110 §9.3.6 and §9.3.8: content has no meaning there, so some readers do not look for it.
  if ((head.method == "CONNECT" || head.method == "TRACE") && declares_body(head)) {
    return refuse("CONNECT or TRACE with content (RFC 9110 §9.3)");
  }
  if (auto fault = judge_expect(head)) return fault;
  head.keep_alive = keeps_alive(head);
  // RFC 9110 §7.8: Upgrade without the Connection option, or in HTTP/1.0, is ignored.
  head.wants_upgrade = head.version == Version::http11 && head.fields.count("upgrade") > 0 &&
                       head.fields.has_token("connection", "upgrade");
  return std::nullopt;
}

Verdict settle_response(ResponseHead& head, std::string_view request_method) {
  if (auto fault = judge_declared(head)) return fault;
  head.keep_alive = keeps_alive(head);
  // RFC 9110 §8.6, RFC 9112 §6.1: neither field may stand in 1xx or 204; a zero length does no
  // harm and is common. RFC 9110 §15.3.6: 205 has no content, so some readers do not look for it.
  const bool interim = head.status < 200;
  if ((interim || head.status == 204 || head.status == 205) && declares_body(head)) {
    return refuse("a body declared in 1xx, 204 or 205 (RFC 9112 §6.1)");
  }
  // RFC 9112 §6.3, rules 1 and 2: these end with their head, whatever the fields say.
  if (interim || head.status == 204 || head.status == 304 || request_method == "HEAD" ||
      (request_method == "CONNECT" && head.status < 300)) {
    frame_without_body(head);
    return std::nullopt;
  }
  if (head.framing == BodyFraming::none) { // rule 8
    head.framing = BodyFraming::until_close;
    head.keep_alive = false;
  }
  return std::nullopt;
}

Verdict check_trailers(const Fields& trailers) {
  for (const Field& field : trailers.all()) {
    if (decides_meaning(field.name)) {
      return refuse("a trailer that frames, routes or authenticates (RFC 9110 §6.5.1)");
    }
  }
  const Declared found = find_declared(trailers);
  if (found.disguised) {
    return refuse("a framing field spelled with an underscore (RFC 9112 §11.2)");
  }
  return std::nullopt;
}

} // namespace sluice::wire
