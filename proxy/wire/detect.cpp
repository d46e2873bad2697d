#include "proxy/wire/detect.hpp"

#include "proxy/wire/byte_reader.hpp"
#include "proxy/wire/grammar.hpp"

namespace sluice::wire {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; // RFC 9113 §3.4
static_assert(kPreface.size() == kDetectBytes);

constexpr std::size_t kMethodBytes = 20;   // the longest registered one has 17 (UPDATEREDIRECTREF)
constexpr std::uint8_t kSocksMethods = 16; // clients offer one to four

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}

// RFC 1928 §3: VER NMETHODS METHODS. Methods that IANA never assigned do not come from a client.
Protocol detect_socks5(std::string_view seen) {
  if (seen.size() < 2) return Protocol::need_more;
  const auto count = byte_at(seen, 1);
  if (count == 0 || count > kSocksMethods) return Protocol::opaque;
  const auto methods = seen.substr(2, count);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const auto method = byte_at(methods, i);
    const bool plausible = method <= 0x09 || (method >= 0x80 && method != 0xff);
    if (!plausible) return Protocol::opaque;
  }
  return methods.size() < count ? Protocol::need_more : Protocol::socks5;
}

// RFC 9112 §3.2.2: absolute-form. A name without "://" is what SMTP, FTP and IRC put behind their
// commands ("EHLO host", "MAIL FROM:<x>").
Protocol detect_absolute_form(std::string_view target, bool at_the_bound) {
  std::size_t at = 0;
  while (at < target.size() && (is_letter_or_digit(target[at]) || target[at] == '+' ||
                                target[at] == '-' || target[at] == '.')) {
    ++at;
  }
  constexpr std::string_view kBehindScheme = "://";
  const auto behind = target.substr(at, kBehindScheme.size());
  if (!kBehindScheme.starts_with(behind)) return Protocol::opaque;
  if (behind == kBehindScheme) return Protocol::http1;
  if (!at_the_bound) return Protocol::need_more;
  return behind.empty() ? Protocol::opaque : Protocol::http1; // a long method before "http:"
}

// RFC 9112 §3: a method, one space, a target.
Protocol detect_http1(std::string_view seen) {
  // The client's banner (RFC 4253 §4.2) is a token, a space and words, as a request line is.
  if (seen.starts_with("SSH-")) return Protocol::opaque;
  // No method begins with anything else, but Redis ("*1"), git ("003e") and others do.
  if (!is_letter(seen[0])) return Protocol::opaque;
  std::size_t at = 0;
  while (at < seen.size() && is(kTokenChar, seen[at])) ++at;
  if (at > kMethodBytes) return Protocol::opaque;
  if (at == seen.size()) return Protocol::need_more;
  if (seen[at] != ' ') return Protocol::opaque;
  const auto method = seen.substr(0, at);
  const auto target = seen.substr(at + 1);
  if (target.empty()) return Protocol::need_more;
  if (target[0] == '/' || target[0] == '*') return Protocol::http1;
  if (method == "CONNECT") { // RFC 9112 §3.2.3: authority-form
    return is_letter_or_digit(target[0]) || target[0] == '[' ? Protocol::http1 : Protocol::opaque;
  }
  if (!is_letter(target[0])) return Protocol::opaque;
  return detect_absolute_form(target, seen.size() == kDetectBytes);
}

} // namespace

Protocol detect(std::string_view prefix) {
  const auto seen = prefix.substr(0, kDetectBytes);
  if (seen.empty()) return Protocol::need_more;
  if (seen[0] == 0x16) { // a handshake record, RFC 8446 §5.1
    if (seen.size() == 1) return Protocol::need_more;
    return seen[1] == 0x03 ? Protocol::tls : Protocol::opaque;
  }
  if (seen[0] == 0x05) return detect_socks5(seen);
  if (seen == kPreface) return Protocol::http2_preface;
  if (kPreface.starts_with(seen)) return Protocol::need_more;
  return detect_http1(seen);
}

} // namespace sluice::wire
