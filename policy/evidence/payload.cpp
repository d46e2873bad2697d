#include "policy/evidence/payload.hpp"

#include "policy/evidence/utf8.hpp"
#include "policy/redact/redactor.hpp"

#include <algorithm>
#include <utility>

namespace sluice::evidence {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD"; // U+FFFD

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// U+FFFD for bytes that are not UTF-8 and for control characters. Go writes the former as \ufffd
// but reads it back as a character that it writes raw, and writes \b and \f differently from
// version to version; a record with either would not verify everywhere.
std::string portable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t size = utf8_sequence(text.substr(at));
    const bool control = byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t';
    out += size == 0 || control || byte == 0x7F ? kReplacement : text.substr(at, size);
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

// Requires: valid UTF-8. Says how much is missing, so that a cut text is not taken for a whole one.
void cut(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  const std::size_t missing = text.size() - end;
  text.resize(end);
  text += "[+" + std::to_string(missing) + " bytes]";
}

bool is_digest(std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::size_t colon = value.find(':');
  if (colon != value.npos) {
    const auto algorithm = value.substr(0, colon);
    if (algorithm != "sha256" && algorithm != "hmac-sha256") return false;
    value.remove_prefix(colon + 1);
  }
  return value.size() == 64 && value.find_first_not_of(kHex) == value.npos;
}

} // namespace

Payload::Payload(std::shared_ptr<const redact::RuleSet> rules) : rules_(std::move(rules)) {
  json_.begin_object();
}

std::string Payload::clean(std::string_view value, std::size_t limit, Whose whose) const {
  redact::Scope scope;
  scope.pii = whose == Whose::theirs;
  // Redacted whole before it is cut: the head of a secret that loses its tail is still a leak.
  std::string text = rules_ == nullptr || value.empty()
                         ? std::string(value)
                         : redact::redact_whole(rules_, value, scope).text;
  if (!is_plain(text)) text = portable(text);
  cut(text, limit);
  return text;
}

Payload& Payload::text(std::string_view key, std::string_view value, std::size_t limit) {
  json_.key(key).string(clean(value, limit, Whose::ours));
  return *this;
}

Payload& Payload::said(std::string_view key, std::string_view value, std::size_t limit) {
  json_.key(key).string(clean(value, limit, Whose::theirs));
  return *this;
}

Payload& Payload::text_item(std::string_view value) {
  json_.string(clean(value, kMaxListText, Whose::theirs));
  return *this;
}

Payload& Payload::word(std::string_view key, std::string_view value) {
  json_.key(key).string(value);
  return *this;
}

Payload& Payload::digest(std::string_view key, std::string_view value) {
  return value.empty() || is_digest(value) ? word(key, value) : text(key, value);
}

Payload& Payload::integer(std::string_view key, std::int64_t value) {
  json_.key(key).integer(std::clamp(value, -kMaxJsonInteger, kMaxJsonInteger));
  return *this;
}

Payload& Payload::count(std::string_view key, std::uint64_t value) {
  constexpr auto kMax = static_cast<std::uint64_t>(kMaxJsonInteger);
  return integer(key, static_cast<std::int64_t>(std::min(value, kMax)));
}

Payload& Payload::boolean(std::string_view key, bool value) {
  json_.key(key).boolean(value);
  return *this;
}

Payload& Payload::null(std::string_view key) {
  json_.key(key).null();
  return *this;
}

Payload& Payload::begin_object(std::string_view key) {
  json_.key(key).begin_object();
  return *this;
}

Payload& Payload::begin_object() {
  json_.begin_object();
  return *this;
}

Payload& Payload::end_object() {
  json_.end_object();
  return *this;
}

Payload& Payload::begin_array(std::string_view key) {
  json_.key(key).begin_array();
  return *this;
}

Payload& Payload::end_array() {
  json_.end_array();
  return *this;
}

std::string Payload::take() {
  return json_.end_object().take();
}

} // namespace sluice::evidence
