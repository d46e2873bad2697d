#include "proxy/wire/framing.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::wire {
namespace {

using Fault = std::optional<ProtocolError>;

Fault framing_fault(const char* phrase) { return ProtocolError{ProtocolFault::framing, phrase}; }
Fault too_large(const char* phrase) { return ProtocolError{ProtocolFault::head_too_large, phrase}; }

constexpr std::array<bool, 256> token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr auto kToken = token_table();

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool known_version(std::string_view text) { return text == "HTTP/1.1" || text == "HTTP/1.0"; }

Fault check_version(std::string_view text) {
  if (known_version(text)) return std::nullopt;
  if (text.starts_with("HTTP/") && is_visible(text)) {
    return ProtocolError{ProtocolFault::version, "RFC 9112 §2.3: only HTTP/1.0 and HTTP/1.1 are spoken here"};
  }
  return framing_fault("RFC 9112 §3: malformed start line");
}

// RFC 9112 §3: exactly two single spaces. Looser parsing is how request splitting begins.
Fault check_request_line(std::string_view line, const Limits& limits) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return framing_fault("RFC 9112 §3: malformed request line");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  if (!is_token(method)) return framing_fault("RFC 9110 §9.1: the method is not a token");
  // Methods are case-sensitive; `get` is not GET and would slip past a rule on GET.
  if (std::any_of(method.begin(), method.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
    return framing_fault("RFC 9110 §9.1: methods are upper case");
  }
  if (target.empty() || !is_visible(target)) return framing_fault("RFC 9112 §3.2: malformed request target");
  if (target.size() > limits.target_bytes) return too_large("the request target is too long");
  return check_version(line.substr(last + 1));
}

Fault check_status_line(std::string_view line) {
  if (line.size() < 12 || line[8] != ' ') return framing_fault("RFC 9112 §4: malformed status line");
  if (auto fault = check_version(line.substr(0, 8))) return fault;
  const auto status = line.substr(9, 3);
  if (!std::all_of(status.begin(), status.end(), [](char c) { return c >= '0' && c <= '9'; }) || status[0] == '0') {
    return framing_fault("RFC 9112 §4: malformed status code");
  }
  if (line.size() > 12 && (line[12] != ' ' || !is_field_value(line.substr(13)))) {
    return framing_fault("RFC 9112 §4: malformed reason phrase");
  }
  return std::nullopt;
}

Fault check_field_line(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return framing_fault("RFC 9112 §5.2: obs-fold");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return framing_fault("RFC 9112 §5: a field line without a colon");
  // RFC 9112 §5.1: white space before the colon included, since it is not a token byte.
  if (!is_token(line.substr(0, colon))) return framing_fault("RFC 9112 §5.1: malformed field name");
  if (!is_field_value(line.substr(colon + 1))) return framing_fault("RFC 9110 §5.5: control byte in a field value");
  return std::nullopt;
}

// RFC 9110 §8.6: digits only. No sign, no list, no white space, no overflow.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// What TE and CL say together; the same rule for both directions (RFC 9112 §6.1, §6.3).
Fault read_framing(Head& head, BodyFraming when_silent) {
  const auto codings = head.fields.count("transfer-encoding");
  const auto lengths = head.fields.count("content-length");
  head.framing = when_silent;
  if (codings > 0) {
    if (lengths > 0) return framing_fault("RFC 9112 §6.1: Transfer-Encoding with Content-Length");
    if (head.version == Version::http10) return framing_fault("RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0");
    const auto coding = head.fields.only("transfer-encoding");
    if (!coding || !equal_ignore_case(*coding, "chunked")) {
      return framing_fault("RFC 9112 §6.1: a transfer coding other than one chunked");
    }
    head.framing = BodyFraming::chunked;
  } else if (lengths > 0) {
    const auto text = head.fields.only("content-length");
    const auto length = text ? parse_length(*text) : std::nullopt;
    if (!length) return framing_fault("RFC 9112 §6.3: repeated or malformed Content-Length");
    head.framing = BodyFraming::length;
    head.content_length = *length;
  }
  return std::nullopt;
}

// RFC 9112 §9.3. `close` wins over `keep-alive`.
bool keeps_alive(const Head& head) {
  if (head.fields.has_token("connection", "close")) return false;
  return head.version == Version::http11 || head.fields.has_token("connection", "keep-alive");
}

// RFC 9112 §3.2: exactly one in HTTP/1.1. What it says is judged where it is compared.
Fault check_host(const RequestHead& head) {
  const auto hosts = head.fields.count("host");
  if (hosts > 1) return framing_fault("RFC 9112 §3.2: more than one Host");
  if (hosts == 0) {
    return head.version == Version::http11 ? framing_fault("RFC 9112 §3.2: no Host") : std::nullopt;
  }
  const auto host = *head.fields.only("host");
  const bool shaped = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != ',' && c != '/' && c != '@' && c != '\\' && c != '?' && c != '#';
  });
  return shaped ? std::nullopt : framing_fault("RFC 9112 §3.2: malformed Host");
}

constexpr std::array<std::string_view, 32> kNotInTrailers = {
    "transfer-encoding", "content-length", "host", "trailer", "te", "content-encoding", "content-type",
    "content-range", "authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate",
    "cookie", "set-cookie", "cache-control", "expect", "max-forwards", "connection", "upgrade", "range",
    "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "age", "date",
    "expires", "location", "retry-after", "vary", "keep-alive"};

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

Fault check_raw_head(std::string_view head, MessageKind kind, const Limits& limits) {
  std::size_t fields = 0;
  bool first = true;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    if (end == std::string_view::npos) return framing_fault("RFC 9112 §2.2: a line without CRLF");
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find('\r') != std::string_view::npos) return framing_fault("RFC 9112 §2.2: bare CR");
    if (line.find('\n') != std::string_view::npos) return framing_fault("RFC 9112 §2.2: bare LF");
    if (first) {
      auto fault = kind == MessageKind::request ? check_request_line(line, limits) : check_status_line(line);
      if (fault) return fault;
      first = false;
    } else if (line.empty()) {
      return head.empty() ? std::nullopt : framing_fault("RFC 9112 §2.1: bytes after the head");
    } else {
      if (++fields > limits.field_count) return too_large("too many fields");
      if (auto fault = check_field_line(line)) return fault;
    }
  }
  return framing_fault("RFC 9112 §2.1: a head without its empty line");
}

Fault parse_field_line(std::string_view line, Fields& fields) {
  if (line.empty() || line.find_first_of("\r\n") != std::string_view::npos) {
    return framing_fault("RFC 9112 §5: malformed field line");
  }
  if (auto fault = check_field_line(line)) return fault;
  const auto colon = line.find(':');
  auto value = line.substr(colon + 1);
  const auto begin = value.find_first_not_of(" \t");
  value = begin == std::string_view::npos ? std::string_view() : value.substr(begin, value.find_last_not_of(" \t") - begin + 1);
  fields.add(line.substr(0, colon), value);
  return std::nullopt;
}

Fault settle_request(RequestHead& head) {
  if (auto fault = check_host(head)) return fault;
  if (auto fault = read_framing(head, BodyFraming::none)) return fault;
  const bool has_body = head.framing == BodyFraming::chunked || head.content_length > 0;
  // RFC 9110 §9.3.6, §9.3.8: bytes after these heads are not a body to everyone.
  if (has_body && (head.method == "CONNECT" || head.method == "TRACE")) {
    return framing_fault("RFC 9110 §9.3: a body in CONNECT or TRACE");
  }
  head.keep_alive = keeps_alive(head);
  if (head.fields.count("expect") > 0 && head.version == Version::http11) {
    const auto expect = head.fields.only("expect");
    if (!expect || !equal_ignore_case(*expect, "100-continue")) {
      return framing_fault("RFC 9110 §10.1.1: an unknown expectation");
    }
    head.expects_continue = has_body;
  }
  head.wants_upgrade = head.fields.count("upgrade") > 0;
  return std::nullopt;
}

Fault settle_response(ResponseHead& head, std::string_view request_method) {
  if (auto fault = read_framing(head, BodyFraming::until_close)) return fault;
  head.keep_alive = keeps_alive(head);
  const bool interim_or_empty = head.status < 200 || head.status == 204;
  // RFC 9112 §6.1, RFC 9110 §8.6: these never have a body, so framing fields would be a lie.
  if (interim_or_empty && (head.framing == BodyFraming::chunked || head.content_length > 0)) {
    return framing_fault("RFC 9112 §6.1: framing fields on 1xx or 204");
  }
  const bool bodyless = interim_or_empty || head.status == 304 || request_method == "HEAD" ||
                        (request_method == "CONNECT" && head.status < 300);
  if (bodyless) {
    head.framing = BodyFraming::none;
    head.content_length = 0;
  }
  if (head.framing == BodyFraming::until_close) head.keep_alive = false;
  return std::nullopt;
}

Fault check_trailers(const Fields& trailers) {
  for (const auto& field : trailers.all()) {
    const bool forbidden = std::any_of(kNotInTrailers.begin(), kNotInTrailers.end(), [&field](std::string_view name) {
      return equal_ignore_case(name, field.name);
    });
    if (forbidden) return framing_fault("RFC 9110 §6.5.1: a framing, routing or auth field in trailers");
  }
  return std::nullopt;
}

}  // namespace sluice::wire
