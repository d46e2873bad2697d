#include "policy/model/destination.hpp"

#include "policy/base/bytes.hpp"

#include <idn2.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

namespace sluice::model {
namespace {

constexpr std::size_t kMaxName = 253; // RFC 1035 §2.3.4, without the root dot
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxHostInput = 1024;

Error invalid_host(std::string detail) {
  return make_error(Origin::downstream, "host_invalid", std::move(detail));
}
Error ambiguous_path(std::string detail) {
  return make_error(Origin::downstream, "path_ambiguous", std::move(detail));
}

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}
bool is_unreserved(char c) { // RFC 3986 §2.3
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

// UTS 46 non-transitional; also proves that an A-label is the one its U-label gives. STD3 is left
// to check_label: libidn2's own flag drops a forbidden character (full-width '/') instead of
// refusing.
Result<std::string> to_a_labels(const std::string& name) {
  std::uint8_t* raw = nullptr;
  const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(name.c_str()), &raw,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owned(raw, idn2_free);
  if (status != IDN2_OK) return invalid_host("not a valid internationalised name");
  return std::string(reinterpret_cast<const char*>(raw));
}

Result<> check_label(std::string_view label) {
  if (label.empty()) return invalid_host("an empty label");
  if (label.size() > kMaxLabel) return invalid_host("a label of more than 63 bytes");
  // RFC 1123 §2.1; the underscore is not a host name's, but service names in use have it.
  const bool ok = std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
  });
  if (!ok) return invalid_host("a character that no host name has");
  if (label.front() == '-' || label.back() == '-') return invalid_host("a hyphen at a label's end");
  return success();
}

// WHATWG URL "ends in a number": such a name is an address to some clients, so it must be one.
bool is_numeric_label(std::string_view label) {
  if (std::all_of(label.begin(), label.end(), is_digit)) return true;
  return label.size() >= 2 && label[0] == '0' && label[1] == 'x' &&
         std::all_of(label.begin() + 2, label.end(), is_hex_digit);
}

bool has_a_label(std::string_view name) {
  return name.substr(0, 4) == "xn--" || name.find(".xn--") != std::string_view::npos;
}

Result<std::string> canonical_name(std::string_view text) {
  std::string name = ascii_lower(text);
  const bool forbidden = std::any_of(name.begin(), name.end(), [](char c) {
    return is_control(c) ||
           std::string_view(" %@/\\?#[]:<>^|\"`{}").find(c) != std::string_view::npos;
  });
  if (forbidden) return invalid_host("a character that no host name has");
  if (has_a_label(name) || !std::all_of(name.begin(), name.end(), is_ascii)) {
    SLUICE_TRY(name, to_a_labels(name));
  }
  if (!name.empty() && name.back() == '.') name.pop_back(); // the root; a second dot is an error
  return name;
}

struct Decoded {
  std::string text;
  bool was_encoded = false; // something in it was percent-encoded
};

// RFC 3986 §6.2.2: one segment with its hex upper-cased and unreserved bytes decoded.
Result<Decoded> normalise_segment(std::string_view segment) {
  Decoded out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const char c = segment[i];
    if (c != '%') {
      if (is_control(c) || !is_ascii(c) || c == ' ')
        return ambiguous_path("a byte that no path has");
      if (c == '\\' || c == '?' || c == '#') return ambiguous_path("a raw backslash, ? or #");
      out.text += c;
      continue;
    }
    out.was_encoded = true;
    const auto byte = from_hex(segment.substr(i + 1, 2)); // "" when the text ends here
    if (!byte || byte->size() != 1) return ambiguous_path("an incomplete percent-encoding");
    const char decoded = (*byte)[0];
    if (decoded == '\\') return ambiguous_path("an encoded backslash");
    if (is_control(decoded)) return ambiguous_path("an encoded control byte");
    // %25 before two hex digits is one thing to who decodes once and another to who decodes twice.
    if (decoded == '%' && i + 4 < segment.size() && is_hex_digit(segment[i + 3]) &&
        is_hex_digit(segment[i + 4])) {
      return ambiguous_path("a doubly encoded byte");
    }
    if (is_unreserved(decoded)) {
      out.text += decoded;
    } else {
      constexpr std::string_view kUpper = "0123456789ABCDEF";
      out.text += '%';
      out.text += kUpper[static_cast<unsigned char>(decoded) >> 4];
      out.text += kUpper[static_cast<unsigned char>(decoded) & 15];
    }
    i += 2;
  }
  return out;
}

std::string decode_slashes(std::string_view path) {
  constexpr std::string_view kSlash = "%2F";
  std::string out(path);
  for (std::size_t at = 0; (at = out.find(kSlash, at)) != std::string::npos; ++at) {
    out.replace(at, kSlash.size(), "/");
  }
  return out;
}

// What RFC 3986 §2.2 reserves means the same to most servers, escaped or not.
std::string decode_delimiters(std::string_view path) {
  constexpr std::string_view kDelimiters = "!$&'()*+,;=:@";
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto byte = path[i] == '%' ? from_hex(path.substr(i + 1, 2)) : std::nullopt;
    const bool delimiter =
        byte && byte->size() == 1 && kDelimiters.find((*byte)[0]) != std::string_view::npos;
    out += delimiter ? (*byte)[0] : path[i];
    if (delimiter) i += 2;
  }
  return out;
}

std::string without_parameters(std::string_view path) {
  std::string out;
  bool inside = false;
  for (const char c : path) {
    if (c == '/') inside = false;
    if (c == ';') inside = true;
    if (!inside) out += c;
  }
  return out;
}

bool is_dots(std::string_view text) {
  return text == "." || text == "..";
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (text.empty() || text[0] == '0' || !whole) return std::nullopt;
  return port;
}

std::optional<Scheme> parse_scheme(std::string_view text) {
  if (equal_ignore_case(text, "http")) return Scheme::http;
  if (equal_ignore_case(text, "https")) return Scheme::https;
  return std::nullopt;
}

} // namespace

Result<Host> Host::parse(std::string_view text) {
  Host out;
  if (text.empty()) return invalid_host("no host");
  if (text.size() > kMaxHostInput) return invalid_host("a name of more than 253 bytes");
  const bool bracketed = text.front() == '[';
  if (bracketed || text.find(':') != std::string_view::npos) {
    if (bracketed && (text.size() < 2 || text.back() != ']'))
      return invalid_host("an open bracket");
    const std::string_view inside = bracketed ? text.substr(1, text.size() - 2) : text;
    // Zone ids (RFC 6874) name an interface of one machine; the parser knows no '%'.
    if (inside.find(':') != std::string_view::npos) out.address_ = IpAddress::parse_strict(inside);
    if (!out.address_) return invalid_host("not an IPv6 address");
    out.text_ = out.address_->text();
    return out;
  }
  SLUICE_TRY(auto name, canonical_name(text));
  if (name.size() > kMaxName) return invalid_host("a name of more than 253 bytes");
  const auto labels = split(name, '.');
  for (const std::string_view label : labels) {
    SLUICE_TRY(check_label(label));
  }
  if (is_numeric_label(labels.back())) {
    out.address_ = IpAddress::parse_loose(name);
    if (!out.address_) return invalid_host("not an IPv4 address, although it ends in a number");
    name = out.address_->text();
  }
  out.text_ = std::move(name);
  return out;
}

std::string Host::uri_text() const {
  return address_ && !address_->is_v4() ? '[' + text_ + ']' : text_;
}

std::string_view to_string(Scheme scheme) noexcept {
  switch (scheme) {
  case Scheme::http: return "http";
  case Scheme::https: return "https";
  case Scheme::tcp: return "tcp";
  }
  return "tcp";
}

std::uint16_t default_port(Scheme scheme) noexcept {
  switch (scheme) {
  case Scheme::http: return 80;
  case Scheme::https: return 443;
  case Scheme::tcp: return 0;
  }
  return 0;
}

std::string Destination::authority() const {
  return port == default_port(scheme) ? host.uri_text() : host_port();
}

std::string Destination::host_port() const {
  return host.uri_text() + ':' + std::to_string(port);
}

Result<HostPort> parse_host_port(std::string_view text) {
  std::size_t end = text.find(':');
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return invalid_host("an open bracket");
    end = close + 1;
    if (end < text.size() && text[end] != ':') return invalid_host("text after the bracket");
    if (end == text.size()) end = std::string_view::npos;
  } else if (end != std::string_view::npos && text.find(':', end + 1) != std::string_view::npos) {
    return invalid_host("an IPv6 address without brackets");
  }
  HostPort out;
  SLUICE_TRY(out.host, Host::parse(text.substr(0, end)));
  if (end != std::string_view::npos) {
    out.port = parse_port(text.substr(end + 1));
    if (!out.port) return invalid_host("a port that is not from 1 to 65535");
  }
  return out;
}

Result<std::string> normalise_path(std::string_view path) {
  if (path.empty() || path.front() != '/')
    return ambiguous_path("a path that does not begin with /");
  const auto segments = split(path.substr(1), '/');
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    SLUICE_TRY(const Decoded segment, normalise_segment(segments[i]));
    const std::string_view text = segment.text;
    const std::string_view bare = text.substr(0, text.find(';'));
    // "..;x" is a parent to servers that cut parameters off first, a name to the others.
    if (is_dots(bare) && (segment.was_encoded || bare.size() != text.size())) {
      return ambiguous_path("a disguised dot segment");
    }
    // Many servers merge slashes, the others do not.
    if (text.empty() && !last) return ambiguous_path("an empty segment");
    if (!is_dots(text)) {
      kept.push_back(segment.text);
      continue;
    }
    // RFC 3986 §5.2.4; a final dot segment leaves a directory behind.
    if (text == ".." && !kept.empty()) kept.pop_back();
    if (last) kept.emplace_back();
  }
  std::string out;
  for (const std::string& segment : kept) out += '/' + segment;
  return out;
}

// Three ways of being read: a slash that is decoded before the path is split, other reserved bytes
// that are decoded, and parameters that are cut off before it is compared. Servers do any of them.
Result<std::vector<std::string>> other_readings(std::string_view path) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& reading) -> Result<> {
    SLUICE_TRY(auto whole, normalise_path(reading));
    if (whole != reading) return ambiguous_path("a dot segment behind an encoded slash");
    if (whole != path && std::find(out.begin(), out.end(), whole) == out.end())
      out.push_back(std::move(whole));
    return success();
  };
  if (path.find_first_of("%;") == std::string_view::npos) return out;
  for (const std::string& text : {std::string(path), decode_delimiters(path)}) {
    const std::string split_late = decode_slashes(text);
    SLUICE_TRY(add(text));
    SLUICE_TRY(add(split_late));
    SLUICE_TRY(add(without_parameters(text)));
    SLUICE_TRY(add(without_parameters(split_late)));
  }
  return out;
}

Result<Target> parse_target(std::string_view target) {
  Target out;
  if (target == "*") {
    out.path = out.raw_path = "*";
    return out;
  }
  if (target.find('#') != std::string_view::npos) return ambiguous_path("a fragment");
  std::string_view rest = target;
  if (target.empty() || target.front() != '/') {
    const auto colon = target.find("://");
    const auto scheme = parse_scheme(target.substr(0, colon));
    if (colon == std::string_view::npos || !scheme) {
      return make_error(Origin::downstream, "protocol_unsupported", "not an http or https target");
    }
    rest = target.substr(colon + 3);
    const auto end = rest.find_first_of("/?");
    SLUICE_TRY(auto named, parse_host_port(rest.substr(0, end)));
    out.absolute =
        Destination{*scheme, std::move(named.host), named.port.value_or(default_port(*scheme))};
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  }
  const auto question = rest.find('?');
  if (question != std::string_view::npos) {
    out.has_query = true;
    out.query = rest.substr(question + 1);
    const bool bad = std::any_of(out.query.begin(), out.query.end(),
                                 [](char c) { return is_control(c) || c == ' '; });
    if (bad) return ambiguous_path("a byte that no query has");
  }
  out.raw_path = rest.substr(0, question);
  if (out.raw_path.empty()) out.raw_path = "/"; // RFC 9112 §3.2.1
  SLUICE_TRY(out.path, normalise_path(out.raw_path));
  SLUICE_TRY(out.other_paths, other_readings(out.path));
  return out;
}

} // namespace sluice::model
