#include "proxy/wire/head_scan.hpp"

#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <utility>

namespace sluice::wire {
namespace {

// Longer than any registered method (RFC 9110 §16.1); a method goes into policy and records.
constexpr std::size_t kMaxMethodBytes = 32;

ProtocolError framing(const char* phrase) {
  return ProtocolError{ProtocolFault::framing, phrase};
}

ProtocolError too_large(const char* phrase) {
  return ProtocolError{ProtocolFault::head_too_large, phrase};
}

// RFC 9112 §2.3. A well-formed version that is not ours is told apart from nonsense.
std::optional<ProtocolError> check_version(std::string_view text) {
  if (text == "HTTP/1.1" || text == "HTTP/1.0") return std::nullopt;
  const bool shaped = text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) &&
                      text[6] == '.' && is_digit(text[7]);
  if (!shaped) return framing("no HTTP version where one belongs (RFC 9112 §2.3)");
  return ProtocolError{ProtocolFault::version,
                       "RFC 9112 §2.3: a protocol version that is not spoken here"};
}

} // namespace

HeadScan::HeadScan(Section section, const Limits& limits)
    : section_(section),
      byte_limit_(section == Section::trailers ? limits.trailer_bytes : limits.head_bytes),
      field_limit_(limits.field_count), target_limit_(limits.target_bytes) {
  restart();
}

void HeadScan::restart() {
  position_ = line_start_ = field_count_ = 0;
  start_line_done_ = section_ == Section::trailers;
  error_.reset();
}

HeadScan::Progress HeadScan::refuse(ProtocolError error) {
  error_ = std::move(error);
  return Progress::refused;
}

HeadScan::Progress HeadScan::scan(std::string_view bytes) {
  if (error_) return Progress::refused;
  const std::string_view window = bytes.substr(0, byte_limit_); // never judge what is over it
  while (position_ < window.size()) {
    const char c = window[position_];
    if (is(kFieldByte, c)) {
      ++position_;
      continue;
    }
    if (c == '\n') return refuse(framing("bare LF (RFC 9112 §2.2)"));
    // NUL and other control bytes: RFC 9110 §5.5.
    if (c != '\r') return refuse(framing("a control byte (RFC 9110 §5.5)"));
    if (position_ + 1 == window.size()) break; // the LF has not come yet
    if (window[position_ + 1] != '\n') return refuse(framing("bare CR (RFC 9112 §2.2)"));
    const auto line = window.substr(line_start_, position_ - line_start_);
    position_ += 2;
    line_start_ = position_;
    if (line.empty() && start_line_done_) return Progress::complete;
    if (auto fault = check_line(line)) return refuse(std::move(*fault));
  }
  if (bytes.size() >= byte_limit_) {
    return refuse(too_large(section_ == Section::trailers ? "the trailer section is too large"
                                                          : "the head is too large"));
  }
  return Progress::need_more;
}

std::optional<ProtocolError> HeadScan::check_line(std::string_view line) {
  if (start_line_done_) return check_field_line(line);
  start_line_done_ = true;
  return section_ == Section::request_head ? check_request_line(line) : check_status_line(line);
}

// RFC 9112 §3: method SP request-target SP HTTP-version, and nothing looser: the white space that
// §3 would let a server forgive is how one request line becomes two.
std::optional<ProtocolError> HeadScan::check_request_line(std::string_view line) const {
  const auto first = line.find(' ');
  const auto method = line.substr(0, first);
  if (!is_token(method)) return framing("the method is not a token (RFC 9110 §9.1)");
  // Methods are case-sensitive: `get` is not GET, but there are servers that take it for one.
  if (std::any_of(method.begin(), method.end(), [](char c) { return is(kLowerLetter, c); })) {
    return framing("a method in lower case (RFC 9110 §9.1)");
  }
  if (method.size() > kMaxMethodBytes) return framing("the method is too long (RFC 9112 §3)");
  if (first == std::string_view::npos) return framing("no request target (RFC 9112 §3)");
  line.remove_prefix(first + 1);
  const auto second = line.find(' ');
  const auto target = line.substr(0, second);
  if (target.size() > target_limit_) return too_large("the request target is too long");
  if (target.empty() || !all_are(kVisible, target)) {
    return framing("a request target with bytes that do not belong (RFC 9112 §3.2)");
  }
  if (second == std::string_view::npos) {
    return ProtocolError{ProtocolFault::version, "a request without a version (RFC 9112 §3)"};
  }
  return check_version(line.substr(second + 1));
}

// RFC 9112 §4: HTTP-version SP 3DIGIT SP [ reason-phrase ].
std::optional<ProtocolError> HeadScan::check_status_line(std::string_view line) const {
  constexpr std::size_t kBeforeReason = 13;
  if (auto fault = check_version(line.substr(0, 8))) return fault;
  const bool shaped = line.size() >= kBeforeReason && line[8] == ' ' && line[9] != '0' &&
                      is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) &&
                      line[12] == ' ';
  if (!shaped) return framing("a malformed status line (RFC 9112 §4)");
  return std::nullopt;
}

std::optional<ProtocolError> HeadScan::check_field_line(std::string_view line) {
  if (++field_count_ > field_limit_) return too_large("too many fields");
  if (line.front() == ' ' || line.front() == '\t') return framing("obs-fold (RFC 9112 §5.2)");
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) {
    return framing("a field line without a colon (RFC 9112 §5)");
  }
  const auto name = line.substr(0, colon);
  if (name.ends_with(' ') || name.ends_with('\t')) {
    return framing("white space before the colon (RFC 9112 §5.1)");
  }
  if (!is_token(name)) return framing("a field name that is not a token (RFC 9110 §5.1)");
  return std::nullopt;
}

void append_fields(std::string_view section, Fields& out) {
  for (;;) {
    const auto line = section.substr(0, section.find("\r\n"));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return; // the empty line
    out.add(line.substr(0, colon), trim_ows(line.substr(colon + 1)));
    section.remove_prefix(line.size() + 2);
  }
}

} // namespace sluice::wire
