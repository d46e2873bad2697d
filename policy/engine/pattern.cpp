#include "policy/engine/pattern.hpp"

#include "policy/base/bytes.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace sluice::engine {
namespace {

using model::Host;
using model::IpAddress;

constexpr std::size_t kMaxPattern = 1024;
constexpr std::int64_t kRegexMemory = 1 << 20; // per pattern; RE2 slows down at it, never lies

enum class Case { sensitive, ignored };

std::shared_ptr<const re2::RE2> compile(const std::string& text, Case letters,
                                        PatternFault& fault) {
  re2::RE2::Options options(re2::RE2::Latin1); // bytes: no input is outside the alphabet
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_case_sensitive(letters == Case::sensitive);
  options.set_max_mem(kRegexMemory);
  auto compiled = std::make_shared<const re2::RE2>(text, options);
  if (compiled->ok()) return compiled;
  const std::string& why = compiled->error();
  fault = {"not a valid regular expression", why.substr(0, why.find(':'))};
  return nullptr;
}

bool matches_whole(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), regex);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const auto at = text.find(separator);
    out.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

bool has_star(std::string_view text) {
  return text.find('*') != std::string_view::npos;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A label or a value against a pattern whose `*` is any run of bytes. Only the last star is ever
// retried, which is enough when there is one kind of star; at most as many steps as both have bytes
// multiplied.
bool label_matches(std::string_view pattern, std::string_view label) noexcept {
  std::size_t p = 0;
  std::size_t i = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (i < label.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = i;
    } else if (p < pattern.size() && pattern[p] == label[i]) {
      ++p;
      ++i;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      i = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool same_network(const IpAddress& a, const IpAddress& b, int prefix) noexcept {
  for (int bit = 0; bit < prefix; bit += 8) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const int difference = a.bytes()[at] ^ b.bytes()[at];
    const int left = prefix - bit;
    if ((left >= 8 ? difference : difference >> (8 - left)) != 0) return false;
  }
  return true;
}

// The network's own address: bits after the prefix cleared.
IpAddress network_of(const IpAddress& address, int prefix) {
  auto bytes = address.bytes();
  for (int bit = prefix; bit < 128; ++bit) {
    auto& byte = bytes[static_cast<std::size_t>(bit / 8)];
    byte = static_cast<std::uint8_t>(byte & ~(0x80 >> (bit % 8)));
  }
  return IpAddress::v6(bytes);
}

std::string why_no_host(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return "write the host name only";
  if (text.find(':') != std::string_view::npos) return "ports belong in ports:";
  if (text.find('/') != std::string_view::npos) return "paths belong in paths:";
  return "";
}

std::string instead(std::string_view canonical) {
  return "write \"" + std::string(canonical) + '"';
}

// `/**/` also stands for a single slash; a final `/**` for everything below.
std::string glob_to_regex(std::string_view glob) {
  std::string out;
  for (std::size_t i = 0; i < glob.size();) {
    if (glob.substr(i, 4) == "/**/") {
      out += "/(?:.*/)?";
      i += 4;
    } else if (glob.substr(i, 2) == "**") {
      out += ".*";
      i += 2;
    } else if (glob[i] == '*') {
      out += "[^/]*";
      ++i;
    } else {
      out += re2::RE2::QuoteMeta(re2::StringPiece(glob.data() + i, 1));
      ++i;
    }
  }
  return out;
}

} // namespace

std::optional<HostPattern> HostPattern::parse_network(std::string_view text, PatternFault& fault) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse_strict(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  int prefix = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const int width = address && address->is_v4() ? 32 : 128;
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!address || !whole || prefix < 0 || prefix > width) {
    fault = {"not a network", address ? "" : why_no_host(text)};
    return std::nullopt;
  }
  Body out;
  out.kind = Kind::network;
  out.prefix = prefix + 128 - width;
  out.address = network_of(*address, out.prefix);
  out.text = out.address->text() + '/' + std::to_string(prefix);
  if (out.text != text) {
    fault = {"not the canonical form of this network", instead(out.text)};
    return std::nullopt;
  }
  return HostPattern(std::move(out));
}

std::optional<HostPattern> HostPattern::parse_glob(std::string_view text, PatternFault& fault) {
  Body out;
  out.text = text;
  if (text == "**" || text == "*") {
    out.kind = text == "**" ? Kind::any : Kind::glob;
    out.labels = {"*"};
    return HostPattern(std::move(out));
  }
  if (text.find("**") != std::string_view::npos) {
    fault = {"** stands alone in hosts", "*.example.com already covers every depth"};
    return std::nullopt;
  }
  out.labels = split(text, '.');
  if (has_star(out.labels.back())) {
    fault = {"the last label of a host cannot hold a *", "write it out"};
    return std::nullopt;
  }
  // With a letter for each star it must be a host name in canonical form.
  std::string probe(text);
  std::replace(probe.begin(), probe.end(), '*', 'a');
  const auto host = Host::parse(probe);
  if (!host || host.value().is_address()) {
    fault = {"not a host pattern", why_no_host(text)};
    return std::nullopt;
  }
  if (host.value().text() != probe) {
    const bool leading_only = text.substr(0, 2) == "*." && !has_star(text.substr(2)) &&
                              host.value().text().substr(0, 2) == "a.";
    fault = {"not the canonical form of this host pattern",
             leading_only ? instead("*." + host.value().text().substr(2))
                          : "write lower case and A-labels (xn--…)"};
    return std::nullopt;
  }
  out.kind = out.labels.front() == "*" ? Kind::below : Kind::glob;
  if (out.kind == Kind::below) out.labels.erase(out.labels.begin());
  return HostPattern(std::move(out));
}

std::optional<HostPattern> HostPattern::parse(std::string_view text, PatternFault& fault) {
  if (text.size() > kMaxPattern) {
    fault = {"the pattern is longer than 1024 bytes", ""};
    return std::nullopt;
  }
  if (text.substr(0, 3) == "re:") {
    Body out;
    out.kind = Kind::regex;
    out.text = text;
    out.regex = compile(out.text.substr(3), Case::ignored, fault);
    return out.regex ? std::optional(HostPattern(std::move(out))) : std::nullopt;
  }
  if (has_star(text)) return parse_glob(text, fault);
  if (text.find('/') != std::string_view::npos) return parse_network(text, fault);
  const auto host = Host::parse(text);
  if (!host) {
    fault = {"not a host: " + host.error().detail, why_no_host(text)};
    return std::nullopt;
  }
  if (host.value().text() != text) {
    fault = {"not the canonical form of this host", instead(host.value().text())};
    return std::nullopt;
  }
  Body out;
  out.text = text;
  if (host.value().is_address()) out.address = host.value().address();
  return HostPattern(std::move(out));
}

bool HostPattern::matches(const Host& host) const noexcept {
  if (host.empty()) return false;
  switch (body_->kind) {
  case Kind::any: return true;
  case Kind::exact: return host.text() == body_->text;
  case Kind::regex: return matches_whole(*body_->regex, host.text());
  case Kind::network: return host.is_address() && matches_address(host.address());
  case Kind::below:
  case Kind::glob: break;
  }
  if (host.is_address()) return false;
  const std::string_view suffix = std::string_view(body_->text).substr(1); // of *.x
  if (body_->kind == Kind::below && !has_star(suffix)) {
    return host.text().size() > suffix.size() && ends_with(host.text(), suffix);
  }
  const std::vector<std::string> labels = split(host.text(), '.');
  const std::size_t extra = labels.size() - std::min(labels.size(), body_->labels.size());
  if (labels.size() < body_->labels.size() || (body_->kind == Kind::below) != (extra > 0))
    return false;
  return std::equal(
      body_->labels.begin(), body_->labels.end(),
      labels.begin() + static_cast<std::ptrdiff_t>(extra),
      [](const auto& pattern, const auto& label) { return label_matches(pattern, label); });
}

bool HostPattern::matches_address(const IpAddress& address) const noexcept {
  if (body_->kind == Kind::exact) return body_->address && *body_->address == address;
  return body_->kind == Kind::network && body_->address->is_v4() == address.is_v4() &&
         same_network(*body_->address, address, body_->prefix);
}

bool HostPattern::names_host() const noexcept {
  return body_->kind != Kind::any && body_->kind != Kind::regex && body_->text != "*";
}

bool HostPattern::covers(const HostPattern& other) const noexcept {
  if (body_->kind == Kind::any || body_->text == other.text()) return true;
  if (body_->kind == Kind::network) {
    if (other.kind() == Kind::exact) return other.address() && matches_address(*other.address());
    return other.kind() == Kind::network && body_->prefix <= other.prefix() &&
           matches_address(*other.address());
  }
  if (body_->kind != Kind::below || has_star(body_->text.substr(1))) return false;
  const bool names = (other.kind() == Kind::exact && !other.address()) ||
                     other.kind() == Kind::below || other.kind() == Kind::glob;
  return names && ends_with(other.text(), std::string_view(body_->text).substr(1));
}

std::optional<PathPattern> PathPattern::parse(std::string_view text, PatternFault& fault) {
  PathPattern out;
  out.text_ = text;
  if (text.size() > kMaxPattern) {
    fault = {"the pattern is longer than 1024 bytes", ""};
    return std::nullopt;
  }
  if (text.substr(0, 3) == "re:") {
    out.kind_ = Kind::regex;
    out.regex_ = compile(out.text_.substr(3), Case::sensitive, fault);
    return out.regex_ ? std::optional(std::move(out)) : std::nullopt;
  }
  if (text.empty() || text.front() != '/') {
    fault = {"a path begins with /", has_star(text) ? "write \"/**\" for every path" : ""};
    return std::nullopt;
  }
  if (text.find("***") != std::string_view::npos) {
    fault = {"more than two stars in a row", "* stays inside a segment, ** crosses them"};
    return std::nullopt;
  }
  const auto canonical = model::normalise_path(text);
  if (!canonical) {
    fault = {"not a path that a call can have: " + canonical.error().detail,
             text.find('?') == std::string_view::npos ? "" : "a path ends before the query"};
    return std::nullopt;
  }
  if (canonical.value() != text) {
    fault = {"not the canonical form of this path", instead(canonical.value())};
    return std::nullopt;
  }
  if (!has_star(text)) return out;
  const std::string_view before = text.substr(0, text.size() - 2);
  if (ends_with(text, "/**") && !has_star(before)) {
    out.kind_ = Kind::below;
    out.prefix_ = before;
    return out;
  }
  out.kind_ = Kind::regex;
  out.regex_ = compile(glob_to_regex(text), Case::sensitive, fault);
  return out.regex_ ? std::optional(std::move(out)) : std::nullopt;
}

bool PathPattern::matches(std::string_view path) const noexcept {
  switch (kind_) {
  case Kind::exact: return path == text_;
  case Kind::below: return path.substr(0, prefix_.size()) == prefix_;
  case Kind::regex: return matches_whole(*regex_, path);
  }
  return false;
}

bool PathPattern::covers(const PathPattern& other) const noexcept {
  if (text_ == other.text_) return true;
  return kind_ == Kind::below && other.text_.substr(0, prefix_.size()) == prefix_;
}

std::optional<TextPattern> TextPattern::parse(std::string_view text, PatternFault& fault) {
  TextPattern out;
  out.text_ = text;
  if (text.size() > kMaxPattern) {
    fault = {"the pattern is longer than 1024 bytes", ""};
    return std::nullopt;
  }
  if (text.substr(0, 3) != "re:") {
    if (text.find("**") == std::string_view::npos) return out;
    fault = {"two stars in a row", "* is any run of bytes here"};
    return std::nullopt;
  }
  out.regex_ = compile(out.text_.substr(3), Case::sensitive, fault);
  return out.regex_ ? std::optional(std::move(out)) : std::nullopt;
}

bool TextPattern::matches(std::string_view value) const noexcept {
  return regex_ ? matches_whole(*regex_, value) : label_matches(text_, value);
}

std::optional<ValuePattern> ValuePattern::parse(std::string_view text, PatternFault& fault) {
  ValuePattern out;
  out.text_ = text;
  if (text.size() > kMaxPattern) {
    fault = {"the pattern is longer than 1024 bytes", ""};
    return std::nullopt;
  }
  const bool expression = text.substr(0, 3) == "re:";
  if (!expression && !has_star(text)) return out;
  if (!expression && text.find("***") != std::string_view::npos) {
    fault = {"more than two stars in a row", "* stays between two slashes, ** crosses them"};
    return std::nullopt;
  }
  // A value may hold what ends a line, and a star stands for that, too.
  const std::string source = expression ? out.text_.substr(3) : "(?s:" + glob_to_regex(text) + ")";
  out.regex_ = compile(source, Case::sensitive, fault);
  return out.regex_ ? std::optional(std::move(out)) : std::nullopt;
}

bool ValuePattern::matches(std::string_view value) const noexcept {
  return regex_ ? matches_whole(*regex_, value) : value == text_;
}

} // namespace sluice::engine
