// Stream, the part about tokens: what becomes one, what is none of a secret because it is a part of
// one, and what is put back in its place. A token stands for a whole region, so the region is held
// until it is whole; one that is too long is masked.
#include "policy/base/bytes.hpp"
#include "policy/redact/json_text.hpp"
#include "policy/redact/stream.hpp"

#include <algorithm>

namespace sluice::redact {
namespace {

bool is_unreserved(char c) { // RFC 3986 §2.3
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
bool is_eight_bit(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}
bool means_something(char c) {
  return is_control(c) || std::string_view("\"'\\<>&%`").find(c) != std::string_view::npos;
}

void percent_encode(std::string_view text, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xFU];
  }
}

bool write_secret(std::string_view secret, Escape how, std::string& out) {
  switch (how) {
  case Escape::nothing_special:
    if (std::any_of(secret.begin(), secret.end(), means_something)) return false;
    break;
  case Escape::header:
    if (std::any_of(secret.begin(), secret.end(), is_control)) return false;
    if (std::any_of(secret.begin(), secret.end(), is_eight_bit)) return false;
    break;
  case Escape::json:
  case Escape::json_read:
    // The string may hold JSON itself, in which a quote would end what it is in.
    if (secret.find_first_of("\"\\") != std::string_view::npos) return false;
    if (how == Escape::json_read) break;
    json_escape(secret, out);
    return true;
  case Escape::url: percent_encode(secret, out); return true;
  case Escape::text: break;
  }
  out += secret;
  return true;
}

// Between the quotes of a string; over its ends something else stands.
bool read_json(std::string_view written, std::string& out) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '"' || static_cast<unsigned char>(written[i]) < 0x20) return false;
    if (written[i] == '\\') ++i;
  }
  return json_unescape(written, out);
}

// Of a query or a form, where '+' is a space.
std::string percent_decoded(std::string_view written) {
  std::string out;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const auto byte = written[i] == '%' ? from_hex(written.substr(i + 1, 2)) : std::nullopt;
    out += byte && byte->size() == 1 ? byte->front() : written[i] == '+' ? ' ' : written[i];
    if (byte && byte->size() == 1) i += 2;
  }
  return out;
}

// Signs beyond ASCII stay as they are written: put back they stand where somebody reads them so.
std::string read_through(std::string_view text) {
  Folder folder;
  std::string out;
  std::vector<Disguise> disguises;
  folder.fold(text, Folder::Ending::at_end, 0, out, disguises);
  return out + folder.waiting();
}

} // namespace

bool Stream::tokenizes(std::uint32_t rule) const noexcept {
  return compiled().vault != nullptr && compiled().rules[rule].action == Action::tokenize &&
         scope_.actions == Scope::Actions::as_ruled && !scope_.restores && !scope_.leaves &&
         mask_ == Redactor::Mask::placeholder;
}

// A match of this shape does not grow: it counts as soon as it is there.
std::vector<Stream::Token> Stream::tokens() const {
  std::vector<Token> out;
  if (compiled().vault == nullptr) return out;
  const auto add = [&](std::uint64_t begin, std::uint64_t end, const std::string& text) {
    if (compiled().vault->knows(text)) out.push_back({begin, end, text});
  };
  for (const Span& one : spans_) {
    if (is_token(one.rule)) add(one.begin, one.end, one.secret);
  }
  for (const Candidate& one : candidates_) {
    if (is_token(one.needle().rule) && one.matched())
      add(one.secret_begin(), one.secret_end(), one.secret());
  }
  std::sort(out.begin(), out.end(),
            [](const Token& a, const Token& b) { return a.begin < b.begin; });
  return out;
}

bool Stream::in_any(const std::vector<Token>& tokens, std::uint64_t begin, std::uint64_t end) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const Token& one) { return one.begin <= begin && end <= one.end; });
}

// Whether a token may begin at or before this place, when more is known; it is held until then.
bool Stream::may_become_token(std::uint64_t place) const {
  return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& one) {
    return is_token(one.needle().rule) && !one.matched() && one.anchor() <= place;
  });
}

void Stream::shield_tokens() {
  if (spans_.empty()) return;
  const auto known = tokens();
  if (known.empty()) return;
  for (Span& one : spans_) {
    if (one.needle != nullptr && !is_token(one.rule))
      one.shielded = one.shielded || in_any(known, one.begin, one.end);
  }
}

// Requires: sorted by their beginnings.
std::vector<Stream::Region> Stream::regions_of(const std::vector<Span>& spans) {
  std::vector<Region> out;
  for (const Span& span : spans) {
    if (out.empty() || span.begin >= out.back().end) {
      Region& next = out.emplace_back();
      next.begin = span.begin, next.end = span.end, next.rule = span.rule;
    }
    Region& region = out.back();
    region.end = std::max(region.end, span.end);
    region.open = region.open || span.open;
    region.all_tokenize = region.all_tokenize && span.tokenizes;
    region.any_tokenizes = region.any_tokenizes || span.tokenizes;
  }
  return out;
}

// Up to the first region, or token, that is not whole before `until`. What is too long for a token
// only becomes longer, and does not wait.
std::uint64_t Stream::hold_whole(std::uint64_t end, std::uint64_t until) const {
  if (spans_.empty() && candidates_.empty()) return until;
  const auto known = tokens();
  for (const Candidate& one : candidates_) { // it may grow out of the token
    if (one.matched() && !is_token(one.needle().rule) && masks(one.needle().rule) &&
        in_any(known, one.secret_begin(), one.secret_end()))
      until = std::min(until, one.secret_begin());
  }
  const auto regions = regions_of(spans_until(end));
  for (bool again = true; again;) {
    const auto before = until;
    for (const Region& one : regions) {
      if (!one.any_tokenizes || one.end - one.begin > TokenVault::kMostOfASecret) continue;
      const bool begun = one.begin < released_; // by what is masked
      if (!begun && one.begin < until && (one.open || one.end > until)) until = one.begin;
    }
    for (const Token& one : known) {
      if (scope_.restores && one.begin < until && one.end > until) until = one.begin;
    }
    again = until != before;
  }
  return until;
}

// What stands in the place of a secret. A mask goes out when the match begins, which may still be
// growing; a token when it is whole.
void Stream::replace(const StreamText& text, const Region& region, std::string& out) const {
  std::string token;
  if (region.all_tokenize) token = token_for(text, region);
  out += token.empty() ? compiled().rules[region.rule].placeholder : token;
}

// What a region says where it stands; "" when it is no text there.
std::string Stream::meaning_of(const StreamText& text, const Region& region) const {
  std::string written, meant;
  write(text, region.begin, region.end, Look::as_written, written);
  switch (scope_.escape) {
  case Escape::json: return read_json(written, meant) ? read_through(meant) : "";
  case Escape::url: return read_through(percent_decoded(written));
  case Escape::nothing_special:
  case Escape::text:
  case Escape::json_read:
  case Escape::header:
    if (compiled().signs == Folder::Signs::read) return read_through(written);
    break;
  }
  return std::string(text.from(region.begin).substr(0, region.end - region.begin));
}

// None for what holds a token itself, or a known secret as it is written: that is put back nowhere.
std::string Stream::token_for(const StreamText& text, const Region& region) const {
  if (region.end > text.end() || region.end - region.begin > TokenVault::kMostOfASecret) return {};
  for (const Token& one : tokens()) {
    if (one.begin < region.end && region.begin < one.end) return {};
  }
  const auto secret = meaning_of(text, region);
  if (compiled().has_secrets) {
    Stream written(rules_, mask_, scope_, Reading::as_written);
    std::string ignored;
    written.whole(secret, ignored);
    if (!written.findings().empty()) return {};
  }
  return compiled().vault->token_for(compiled().rules[region.rule].id, secret);
}

void Stream::write_plain(const StreamText& text, std::uint64_t begin, std::uint64_t end,
                         std::string& out) {
  if (scope_.restores && compiled().vault && mask_ == Redactor::Mask::placeholder) {
    for (const Token& one : tokens()) {
      if (one.begin < begin || one.end > end) continue;
      write(text, begin, one.begin, Look::as_written, out);
      begin = one.begin;
      if (put_back(one, out)) begin = one.end;
    }
  }
  write(text, begin, end, Look::as_written, out);
}

bool Stream::put_back(const Token& token, std::string& out) {
  const auto entry = compiled().vault->secret_of(token.text);
  if (!entry || !write_secret(entry->secret.reveal(), scope_.escape, out)) return false;
  const auto fingerprint = fingerprint_of(compiled().fingerprint_key, entry->secret.reveal());
  findings_.add(entry->rule, fingerprint, 1, Action::restore);
  return true;
}

} // namespace sluice::redact
