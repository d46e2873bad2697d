#include "proxy/call/url_rewriter.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sluice::call {
namespace {

constexpr std::array<std::string_view, 3> kSchemes = {"http", "https", "amber"};
constexpr std::array<std::string_view, 4> kLoopback = {"127.0.0.1", "localhost", "[::1]",
                                                       "0.0.0.0"};
constexpr std::size_t kLongestScheme = 5;
// "\u003c": the longest that says which character stands before.
constexpr std::size_t kBefore = 6;

bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x80;
}
bool is_alnum(char c) noexcept {
  return is_alpha(c) || is_digit(c);
}
bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}
char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// ---- addresses ---------------------------------------------------------------------------------

struct Address { // views into what was split
  std::string_view scheme, host, port, path;
};

std::optional<Address> split_url(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Address out;
  out.scheme = url.substr(0, colon);
  const auto rest = url.substr(colon + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto authority = rest.substr(0, slash);
  out.path = rest.substr(slash);
  while (out.path.ends_with('/')) out.path.remove_suffix(1);
  const auto end = authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':');
  out.host = authority.substr(0, end);
  if (end < authority.size()) out.port = authority.substr(end);
  return out;
}

bool is_host(std::string_view host) {
  const bool literal = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (literal) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::all_of(host.begin(), host.end(), [literal](char c) {
    return literal ? is_hex_digit(c) || c == ':' || c == '.' : is_alnum(c) || is_one_of(c, ".-_");
  });
}

bool is_port(std::string_view port) { // with its colon, or none
  if (port.empty()) return true;
  const auto digits = port.substr(1);
  unsigned number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return port.front() == ':' && read.ec == std::errc() &&
         read.ptr == digits.data() + digits.size() && digits.front() != '0' && number <= 65'535;
}

// Every way to write where it begins: names in lower case, the path as it is.
std::vector<std::string> spellings(std::string_view url) {
  const auto address = split_url(url);
  const auto scheme = ascii_lower(address->scheme);
  std::vector<std::string> hosts = {ascii_lower(address->host)};
  const auto& loopback = kLoopback;
  if (scheme == "http" && std::find(loopback.begin(), loopback.end(), hosts[0]) != loopback.end())
    hosts.assign(loopback.begin(), loopback.end());
  std::vector<std::string> ports = {std::string(address->port)};
  const std::string_view own = scheme == "http" ? ":80" : scheme == "https" ? ":443" : "";
  if (!own.empty() && (address->port.empty() || address->port == own))
    ports = {"", std::string(own)};
  std::vector<std::string> out;
  for (const auto& host : hosts) {
    for (const auto& port : ports)
      out.emplace_back(scheme).append("://").append(host).append(port).append(address->path);
  }
  return out;
}

std::string without_last_slashes(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

std::string with_escaped_slashes(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '/' ? std::string("\\/") : std::string(1, c);
  return out;
}

// ---- what may stand around an address ----------------------------------------------------------

// The character of the JSON escape "\uXXXX" at `at`, cut to what matters: all but ASCII is one.
std::optional<char> unicode_escape(std::string_view text, std::size_t at) {
  if (at + kBefore > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned code = 0;
  const char* digits = text.data() + at + 2;
  const auto read = std::from_chars(digits, digits + 4, code, 16);
  if (read.ec != std::errc() || read.ptr != digits + 4) return std::nullopt;
  return code < 0x80 ? static_cast<char>(code) : '\x80';
}

bool ends_before_url(char c) noexcept {
  return !is_alnum(c) && !is_one_of(c, ".-_~+%/:@\\");
}

// Whether a URL can begin at `at`: what stands before it is no part of it.
bool can_begin(std::string_view text, std::size_t at) noexcept {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (at >= kBefore) {
    if (const auto escaped = unicode_escape(text, at - kBefore)) return ends_before_url(*escaped);
  }
  // "\n" of a text in JSON; also where JSON stands in JSON.
  if (at >= 2 && text[at - 2] == '\\' && is_one_of(before, "nrtbf")) return true;
  return ends_before_url(before);
}

bool ends_url(char c, bool bare_host) noexcept {
  if (!is_ascii(c)) return !bare_host; // of a name it could be a part
  return !is_alnum(c) && !is_one_of(c, ".-_~+%:@=!$");
}

} // namespace

std::string why_no_address(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return "longer than " + std::to_string(kMaxUrlBytes) + " bytes";
  const auto address = split_url(url);
  const bool known = address && std::any_of(kSchemes.begin(), kSchemes.end(), [&](auto scheme) {
                       return equal_ignore_case(scheme, address->scheme);
                     });
  if (!known) return "not an address of http, https or amber";
  if (is_one_of('?', url) || is_one_of('#', url)) return "it has a query or a fragment";
  if (!is_host(address->host) || !is_port(address->port)) return "not scheme://host:port/path";
  const bool plain = std::all_of(address->path.begin(), address->path.end(), [](char c) {
    return c > ' ' && c <= '~' && !is_one_of(c, "\"'<>\\^`{|}");
  });
  return plain ? "" : "its path holds what no URL does";
}

// ---- the table ---------------------------------------------------------------------------------

const UrlTable::Node* UrlTable::step(const Node& from, char c) const noexcept {
  for (const auto& [letter, to] : from.next) {
    if (letter == c) return &nodes_[to];
  }
  return nullptr;
}

bool UrlTable::holds(std::string_view from) const noexcept {
  const Node* node = nodes_.data();
  for (const char c : from) {
    node = step(*node, c);
    if (node == nullptr) return false;
  }
  return node->target >= 0;
}

std::uint32_t UrlTable::place_of(std::string_view from) {
  std::uint32_t at = 0;
  for (const char c : from) {
    if (const Node* known = step(nodes_[at], c)) {
      at = static_cast<std::uint32_t>(known - nodes_.data());
      continue;
    }
    const auto made = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    nodes_[at].next.emplace_back(c, made);
    at = made;
  }
  return at;
}

std::string UrlTable::add(std::string_view from, std::string_view to) {
  for (const auto url : {from, to}) {
    if (auto why = why_no_address(url); !why.empty()) return why;
  }
  if (targets_.size() == kMaxUrlMappings)
    return "more than " + std::to_string(kMaxUrlMappings) + " addresses";
  const auto all = spellings(from);
  for (const auto& one : all) {
    if (holds(one)) return "another entry says what becomes of this address";
  }
  const auto address = split_url(from);
  Target target;
  target.to = without_last_slashes(to);
  target.escaped = with_escaped_slashes(target.to);
  target.bare_host = address->port.empty() && address->path.empty();
  for (const auto& one : all)
    nodes_[place_of(one)].target = static_cast<std::int32_t>(targets_.size());
  targets_.push_back(std::move(target));
  const auto scheme = ascii_lower(address->scheme);
  if (std::find(schemes_.begin(), schemes_.end(), scheme) == schemes_.end())
    schemes_.push_back(scheme);
  return "";
}

bool UrlTable::has_scheme(std::string_view text) const noexcept {
  return std::any_of(schemes_.begin(), schemes_.end(),
                     [text](const auto& scheme) { return equal_ignore_case(scheme, text); });
}

bool UrlTable::may_begin_scheme(std::string_view text) const noexcept {
  return std::any_of(schemes_.begin(), schemes_.end(), [text](const auto& scheme) {
    return equal_ignore_case(std::string_view(scheme).substr(0, text.size()), text);
  });
}

namespace {

enum class Ends : std::uint8_t { no, yes, more };

// Whether an address can end before `at`.
Ends can_end(std::string_view text, std::size_t at, bool bare_host, bool last) {
  if (at == text.size()) return last ? Ends::yes : Ends::more;
  if (text[at] == '\\') {
    const auto rest = text.substr(at, kBefore);
    if (const auto escaped = unicode_escape(text, at))
      return ends_url(*escaped, bare_host) ? Ends::yes : Ends::no;
    const bool may_be_escape = rest.size() < kBefore && (rest.size() == 1 || rest[1] == 'u');
    return may_be_escape && !last ? Ends::more : Ends::yes;
  }
  if (text[at] != '.') return ends_url(text[at], bare_host) ? Ends::yes : Ends::no;
  // The full stop of a sentence: nothing of a name or a number comes behind it.
  if (at + 1 == text.size()) return last ? Ends::yes : Ends::more;
  const char next = text[at + 1];
  return next <= ' ' || is_one_of(next, "\"'`<>)]}\\*") ? Ends::yes : Ends::no;
}

} // namespace

UrlTable::Found UrlTable::find(std::string_view text, std::size_t at, bool last) const {
  Found out;
  bool escaped = false;
  int slashes = 0; // behind the third case matters
  const Node* node = nodes_.data();
  while (at < text.size()) {
    char c = text[at];
    std::size_t width = 1;
    if (c == '\\') {
      if (at + 1 == text.size()) break;
      c = text[at + 1] == '/' ? '/' : '\0';
      width = 2;
      escaped = escaped || slashes == 0;
    }
    node = step(*node, slashes < 3 ? to_lower(c) : c);
    if (node == nullptr) return out;
    slashes += c == '/' ? 1 : 0;
    at += width;
    if (node->target < 0) continue;
    const auto& target = targets_[static_cast<std::size_t>(node->target)];
    const auto ends = can_end(text, at, target.bare_host, last);
    if (ends == Ends::more) out.answer = Answer::more;
    if (ends == Ends::yes) out = {Answer::yes, at, escaped ? &target.escaped : &target.to};
  }
  if (!last) out.answer = Answer::more; // it may go on
  return out;
}

// ---- the text ----------------------------------------------------------------------------------

// Where the scheme begins that ends at `colon`; npos when there is none, or it began before `from`.
std::size_t UrlRewriter::scheme_before(std::size_t colon, std::size_t from) const noexcept {
  const std::string_view text = text_;
  const auto behind = text.substr(colon + 1, 1);
  if (colon == from || !is_alpha(text[colon - 1]) ||
      (behind != "/" && behind != "\\" && !behind.empty()))
    return std::string_view::npos; // most colons
  for (const std::size_t size : {std::size_t{4}, std::size_t{5}}) {
    if (colon < from + size || !table_->has_scheme(text.substr(colon - size, size))) continue;
    if (can_begin(text, colon - size)) return colon - size;
  }
  return std::string_view::npos;
}

// Where the scheme of an address begins that is cut off at the end; the end when none is.
std::size_t UrlRewriter::what_may_begin(std::size_t from) const noexcept {
  const std::string_view text = text_;
  for (auto size = std::min(kLongestScheme, text.size() - from); size > 0; --size) {
    const auto at = text.size() - size;
    if (is_alpha(text[at]) && can_begin(text, at) && table_->may_begin_scheme(text.substr(at)))
      return at;
  }
  return text.size();
}

void UrlRewriter::run(bool last, std::string& out) {
  using Answer = UrlTable::Answer;
  const std::string_view text = text_;
  auto sent = gone_; // up to here it is done
  auto at = sent;
  auto held = std::string_view::npos;
  while (held == std::string_view::npos) {
    const auto colon = text.find(':', at);
    if (colon == std::string_view::npos) {
      held = last ? text.size() : what_may_begin(sent);
      break;
    }
    at = colon + 1;
    const auto begin = scheme_before(colon, sent);
    if (begin == std::string_view::npos) continue;
    const auto found = table_->find(text, begin, last);
    if (found.answer == Answer::more) held = begin;
    if (found.answer != Answer::yes) continue;
    out.append(text, sent, begin - sent).append(*found.to);
    sent = at = found.end;
    rewrote_ = true;
  }
  out.append(text, sent, held - sent);
  const auto kept = held - std::min(held, kBefore);
  gone_ = held - kept;
  text_.erase(0, kept);
}

void UrlRewriter::feed(std::string_view in, std::string& out) {
  if (in.empty()) return;
  text_.append(in);
  run(false, out);
}

void UrlRewriter::finish(std::string& out) {
  run(true, out);
}

std::string rewrite_urls(const std::shared_ptr<const UrlTable>& table, std::string_view text) {
  std::string out;
  UrlRewriter rewriter(table);
  rewriter.feed(text, out);
  rewriter.finish(out);
  return out;
}

} // namespace sluice::call
