#include "tests/property/redaction_oracle.hpp"

#include "policy/base/bytes.hpp"
#include "policy/redact/secret_encodings.hpp"
#include "policy/redact/token_checks.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::test {

using namespace redact;

namespace {

constexpr std::size_t kLine = 40, kIndent = 32, kSlashes = 8;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}
int digit64(char c) {
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (c == '-') return 62;
  if (c == '_') return 63;
  const auto at = kDigits.find(c);
  return c == 0 || at == std::string::npos ? -1 : static_cast<int>(at);
}

// As the engine promises: after a word byte no token begins, but after an escape.
bool boundary(std::string_view before) {
  static const auto escape =
      re2_of("(?s)(?:.*)(?:\\\\[nrtbf]|%[0-9A-Fa-f]{2}|\\\\u[0-9A-Fa-f]{4})");
  if (before.empty() || !is_word(before.back())) return true;
  const auto tail = before.substr(before.size() - std::min<std::size_t>(before.size(), 6));
  return RE2::FullMatch(re2::StringPiece(tail.data(), tail.size()), *escape);
}

// The length of a line end and the indentation after it, when 40 characters of base64 stand before.
std::size_t fold_at(std::string_view text, std::size_t at) {
  static const auto fold =
      re2_of("(?:\\r|\\\\{1,8}r|%0[Dd])?(?:\\n|\\\\{1,8}n|%0[Aa])[ \\t]{0,32}");
  std::size_t line = 0;
  while (line < at && digit64(text[at - 1 - line]) >= 0) ++line;
  const char before = line < at ? text[at - 1 - line] : '\0';
  static const std::string kEscapes = "nrtbf";
  const bool escape =
      before == '\\' && line > 0 && kEscapes.find(text[at - line]) != std::string::npos;
  if (line < kLine + (escape ? 1 : before == '%' ? 2 : 0)) return 0;
  const auto rest = text.substr(at, 2 * (kSlashes + 1) + kIndent);
  re2::StringPiece found;
  if (!fold->Match(re2::StringPiece(rest.data(), rest.size()), 0, rest.size(), RE2::ANCHOR_START,
                   &found, 1)) {
    return 0;
  }
  // More backslashes than are read as one escape are none.
  if (rest.starts_with("\\\\\\\\\\\\\\\\\\")) return 0;
  return at + found.size() < text.size() ? found.size() : 0;
}

// Where a form of base64 ends that begins at `at`, over line ends; 0 when it is not there.
std::size_t base64_until(std::string_view text, std::size_t at, const std::string& form) {
  for (std::size_t i = 0; i < form.size(); ++at) {
    if (at < text.size() && text[at] == form[i]) {
      ++i;
      continue;
    }
    const auto fold = i == 0 || at >= text.size() ? 0 : fold_at(text, at);
    if (fold == 0) return 0;
    at += fold - 1;
  }
  return at;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

TokenCheck check_of(const std::string& name) {
  if (name == "luhn") return TokenCheck::luhn;
  if (name == "mod97") return TokenCheck::mod97;
  return name == "base62-crc32" ? TokenCheck::base62_crc32 : TokenCheck::none;
}

} // namespace

Oracle::Oracle(const std::vector<PackFormat>& formats, const std::vector<std::string>& known) {
  for (const auto& one : formats) {
    Format& made = formats_.emplace_back();
    made.about = one;
    made.shape = Shape::compile(one.pattern).value();
    made.exact = re2_of(one.pattern);
    RE2::Options options = made.exact->options();
    options.set_longest_match(true);
    made.longest = std::make_unique<RE2>(one.pattern, options);
    if (!made.exact->PossibleMatchRange(&made.least, &made.most, 16)) {
      made.least.clear();
      made.most = std::string(16, '\xFF');
    }
  }
  for (const auto& secret : known) {
    std::set<std::string> forms;
    for (const auto& form : encodings_of(secret, 6)) {
      forms.insert(form);
      Folder folder;
      std::string text;
      std::vector<Disguise> disguises;
      folder.fold(form, Folder::Ending::at_end, 0, text, disguises);
      if (text.size() >= std::min<std::size_t>(6, secret.size())) forms.insert(text);
    }
    hex_forms_.push_back(to_hex(secret));
    std::erase_if(forms, [&](const std::string& form) { // found as the one in lower case is
      return form != hex_forms_.back() && lower(form) == hex_forms_.back();
    });
    forms_.emplace_back(forms.begin(), forms.end());
    base64_forms_.push_back(base64_forms_of(secret, 6));
  }
}

Oracle::Decoded Oracle::from_hex(std::string_view text, std::size_t at) {
  Decoded out;
  out.text = text;
  for (; at + 1 < text.size() && is_hex(text[at]) && is_hex(text[at + 1]); at += 2) {
    out.bytes += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
    out.begin.push_back(at);
    out.end.push_back(at + 2);
    out.ends_line.push_back(false);
  }
  return out;
}

// The first byte begins `lead_bits` bits before the end of the character at `at`, or with it.
Oracle::Decoded Oracle::from_base64(std::string_view text, std::size_t at, unsigned lead_bits) {
  Decoded out;
  out.text = text;
  std::vector<std::pair<bool, std::size_t>> bits;
  for (;; ++at) {
    if (at == text.size()) break;
    const int digit = digit64(text[at]);
    if (digit < 0) {
      const auto fold = fold_at(text, at);
      if (fold == 0) break;
      at += fold - 1;
      continue;
    }
    for (int bit = 5; bit >= 0; --bit) bits.emplace_back((digit >> bit & 1) != 0, at);
  }
  for (std::size_t i = lead_bits == 0 ? 0 : 6 - lead_bits; i + 8 <= bits.size(); i += 8) {
    int byte = 0;
    for (std::size_t k = 0; k < 8; ++k) byte = byte * 2 + (bits[i + k].first ? 1 : 0);
    out.bytes += static_cast<char>(byte);
    out.begin.push_back(bits[i].second);
    out.end.push_back(bits[i + 7].second + 1);
  }
  for (std::size_t i = 0; i < out.end.size(); ++i) {
    // At most two characters more make the next byte.
    out.ends_line.push_back(i + 1 < out.end.size() && out.end[i + 1] - out.end[i] > 2);
  }
  return out;
}

const Shape::Anchor* Oracle::anchor_of(const Format& format, std::string_view bytes) const {
  for (const auto& anchor : format.shape.anchors()) {
    const auto begin = bytes.substr(0, anchor.text.size());
    if (begin == anchor.text || (anchor.any_case && lower(begin) == anchor.text)) {
      auto state = format.shape.start();
      for (const char c : begin) state = format.shape.next(state, c);
      if (state != Shape::kDead) return &anchor;
    }
  }
  return nullptr;
}

// Where the string that a block goes on in begins to be certain, behind a quote at `at`; 0:
// nowhere. Strings that are of the block as a whole move `at` to their closing quote.
std::size_t Oracle::next_string(std::string_view block, std::size_t& at, const std::string& marker,
                                const std::string& anchor) {
  static const std::string kText = "[A-Za-z0-9+/=]{0,127}|[A-Za-z0-9-]+: [^\"\\\\\\x00-\\x1f]*";
  static const auto next = re2_of("\"[ \\t\\r\\n]{0,64},[ \\t\\r\\n]{0,64}\"");
  static const auto whole = re2_of("(" + kText + ")\"[ \\t\\r\\n]{0,64}([,\\]])");
  static const auto line = re2_of("(" + kText + ")\\\\[nr]");
  static const auto base64 = re2_of("[A-Za-z0-9+/=]{128}");
  re2::StringPiece found[3];
  const auto begins = [&](const RE2& with, std::size_t from) {
    const re2::StringPiece all(block.data(), block.size());
    const bool yes = with.Match(all, from, all.size(), RE2::ANCHOR_START, found, 3);
    if (!yes || found[1].data() == nullptr) return yes;
    const std::string text(found[1].data(), found[1].size());
    return text.size() < 128 && text.find(anchor) == std::string::npos;
  };
  while (begins(*next, at)) {
    const auto text = at + found[0].size();
    if (block.substr(text).starts_with(marker)) return text + marker.size();
    if (begins(*base64, text) || begins(*line, text)) return text + found[0].size();
    if (!begins(*whole, text)) return 0;
    at = text + found[1].size();
    if (found[2] == "]") return 0;
  }
  return 0;
}

std::size_t Oracle::block_end(std::string_view block, const std::string& marker,
                              const std::string& anchor) {
  std::size_t end = std::min<std::size_t>(block.size(), 16 * 1024);
  bool escaped = false;
  std::size_t from = 0, after = 0; // of what may be the marker, and of the marker
  for (std::size_t i = 0; i < end && after == 0; ++i) {
    escaped = i > 0 && block[i - 1] == '\\' && !escaped;
    if (block[i] == '"' && !escaped) {
      from = next_string(block, i, marker, anchor);
      if (from == 0) return i;
      i = from - 1;
    }
    const bool room = from == i + 1 || from + marker.size() <= i + 1;
    if (room && block.substr(0, i + 1).ends_with(marker)) after = i + 1;
  }
  if (after == 0) return end;
  end = std::min(end, block.find('"', after));
  const auto dashes = block.find("-----", after), line = block.find_first_of("\n\r\\", after);
  if (dashes != std::string_view::npos) end = std::min(end, dashes + 5);
  return std::min(end, line);
}

Oracle::Shows Oracle::wanted_of(const Format& format, std::string_view anchor, bool plain) {
  using Run = Shape::Run;
  static const auto name = re2_of("[a-z_.+/=~-]{16,}"), token = re2_of("[0-9A-Za-z_.+/=~-]+");
  static const auto mixed = re2_of("[0-9A-Z]");
  const auto run = format.shape.run();
  if (plain && (format.shape.has_mark() || run == Run::none)) return Shows::anything;
  if (plain && run == Run::follows) {
    return format.about.without_digit ? Shows::mixed_run : Shows::digit_run;
  }
  const re2::StringPiece text(anchor.data(), anchor.size());
  const bool tells = RE2::PartialMatch(text, *mixed) || (plain && RE2::FullMatch(text, *name));
  if (tells || !RE2::FullMatch(text, *token)) return Shows::anything; // or a line ends in it
  return Shows::mixed_beginning;
}

bool Oracle::shows(Shows wanted, std::string_view secret) {
  static const auto beginning = re2_of("[a-z_.+/=~-]*[0-9A-Z]");
  static const auto run = re2_of("[0-9A-Za-z_.+/=~-]{16,}");
  if (wanted == Shows::anything) return true;
  re2::StringPiece rest(secret.data(), secret.size()), found;
  if (wanted == Shows::mixed_beginning) return RE2::Consume(&rest, *beginning);
  while (run->Match(rest, 0, rest.size(), RE2::UNANCHORED, &found, 1)) {
    const auto of =
        wanted == Shows::mixed_run ? "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "0123456789";
    const std::string_view bytes(found.data(), found.size());
    if (bytes.find_first_of(of) != std::string_view::npos) return true;
    rest.remove_prefix(static_cast<std::size_t>(found.end() - rest.begin()));
  }
  return false;
}

// `anchor` bytes at the beginning are public. The first match must pass the checks; the longest is
// what counts.
bool Oracle::match(const Format& format, const Decoded& decoded, std::size_t anchor, Shows wanted,
                   Match& out) const {
  constexpr std::size_t kShownWithin = 64;
  const std::string_view bytes = decoded.bytes;
  const auto& ends_line = decoded.ends_line;
  re2::StringPiece found;
  const re2::StringPiece all(bytes.data(), bytes.size());
  if (!format.longest->Match(all, 0, bytes.size(), RE2::ANCHOR_START, &found, 1)) return false;
  const bool split = format.exact->NumberOfCapturingGroups() == 1;
  bool first = true;
  for (std::size_t size = 1; size <= found.size(); ++size) {
    re2::StringPiece groups[2];
    if (!format.exact->Match(all, 0, size, RE2::ANCHOR_BOTH, groups, split ? 2 : 1)) continue;
    const bool ends = size == bytes.size() || !is_word(bytes[size]) || ends_line[size - 1];
    if (format.about.ends_at_boundary && !ends) continue;
    const auto& group = groups[split ? 1 : 0];
    const auto begin = split ? static_cast<std::size_t>(group.data() - bytes.data()) : anchor;
    const auto end = split ? begin + group.size() : size;
    const auto secret = bytes.substr(begin, end - begin);
    const auto from = decoded.begin[begin];
    const auto written = decoded.text.substr(from, decoded.end[end - 1] - from);
    if (first && !shows(wanted, written)) {
      if (written.size() < kShownWithin) continue;
      return false;
    }
    if (first && (entropy_of(secret) < format.about.entropy ||
                  !passes(check_of(format.about.check), secret))) {
      return false;
    }
    first = false;
    out = {begin, end};
    if (!format.about.block_end.empty()) {
      out.end += block_end(bytes.substr(end), format.about.block_end,
                           std::string(bytes.substr(0, anchor)));
      return true;
    }
  }
  return !first && out.end > out.begin;
}

void Oracle::add(const Format& format, const Decoded& decoded, std::size_t anchor, Shows wanted,
                 std::vector<Span>& out) const {
  Match found;
  if (!match(format, decoded, anchor, wanted, found)) return;
  out.push_back({decoded.begin[found.begin], decoded.end[found.end - 1], anchor,
                 forms_.size() + static_cast<std::size_t>(&format - formats_.data())});
}

void Oracle::try_plain(std::string_view text, std::size_t at, std::vector<Span>& out) const {
  const auto bytes = text.substr(at);
  Decoded plain;
  for (const Format& format : formats_) {
    if (bytes.substr(0, 16) < format.least || bytes.substr(0, 16) > format.most) continue;
    const auto* anchor = anchor_of(format, bytes);
    if (anchor == nullptr) continue;
    if (format.about.starts_at_boundary && !boundary(text.substr(0, at))) continue;
    if (plain.bytes.empty()) {
      plain.text = text;
      plain.bytes = bytes;
      for (std::size_t i = at; i < text.size(); ++i) {
        plain.begin.push_back(i);
        plain.end.push_back(i + 1);
        plain.ends_line.push_back(false);
      }
    }
    const auto size = anchor->text.size();
    add(format, plain, size, wanted_of(format, bytes.substr(0, size), true), out);
  }
}

void Oracle::try_coded(std::string_view text, std::size_t at, std::vector<Span>& out) const {
  const auto each = [&](const Decoded& decoded, auto written) {
    for (const Format& format : formats_) {
      const auto begin = std::string_view(decoded.bytes).substr(0, 16);
      if (decoded.bytes.empty() || begin < format.least || begin > format.most) continue;
      const auto* anchor = anchor_of(format, decoded.bytes);
      constexpr std::size_t kMostCoded = 24;
      if (anchor == nullptr || anchor->any_case || format.shape.anchors().size() > kMostCoded)
        continue;
      const auto size = written(anchor->text.size());
      if (size < 3) continue;
      const auto wanted = wanted_of(format, text.substr(at, std::max<std::size_t>(size, 4)), false);
      add(format, decoded, anchor->text.size(), wanted, out);
    }
  };
  if (is_hex(text[at])) {
    const auto decoded = from_hex(text, at);
    each(decoded, [&](std::size_t size) -> std::size_t {
      const auto digits = text.substr(at, 2 * size);
      const bool mixed =
          std::any_of(digits.begin(), digits.end(), [](char c) { return std::islower(c) != 0; }) &&
          std::any_of(digits.begin(), digits.end(), [](char c) { return std::isupper(c) != 0; });
      return mixed ? 0 : digits.size();
    });
  }
  if (digit64(text[at]) < 0) return;
  each(from_base64(text, at, 0), [](std::size_t size) { return size * 8 / 6; });
  each(from_base64(text, at, 2), [](std::size_t size) { return (1 + size) * 8 / 6 - 2; });
  each(from_base64(text, at, 4), [](std::size_t size) { return (2 + size) * 8 / 6 - 3; });
}

void Oracle::find_known(std::string_view text, std::vector<Span>& out, OracleResult& result) const {
  const auto found = [&](std::size_t begin, std::size_t end, std::size_t rule) {
    out.push_back({begin, end, ~std::size_t{0}, rule});
    ++result.known["secret:" + std::to_string(rule)];
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (std::size_t rule = 0; rule < forms_.size(); ++rule) {
      for (const auto& form : forms_[rule]) {
        const auto here = text.substr(at, form.size());
        const bool is = form == hex_forms_[rule] ? lower(here) == form : here == form;
        if (is) found(at, at + form.size(), rule);
      }
      for (const auto& form : base64_forms_[rule]) {
        const auto end = base64_until(text, at, form);
        if (end > at + form.size()) found(at, end, rule);
      }
    }
  }
}

OracleResult Oracle::redact(const std::string& text) const {
  Folder folder;
  std::string folded;
  std::vector<Disguise> disguises;
  folder.fold(text, Folder::Ending::at_end, 0, folded, disguises);
  std::vector<std::string> written; // each byte
  for (const char c : folded) written.emplace_back(1, c);
  for (const auto& one : disguises) written[one.at] = one.written;

  OracleResult out;
  std::vector<Span> spans;
  for (std::size_t at = 0; at < folded.size(); ++at) {
    try_plain(folded, at, spans);
    try_coded(folded, at, spans);
  }
  const auto name = [&](std::size_t rule) {
    return rule < forms_.size() ? "secret:" + std::to_string(rule)
                                : formats_[rule - forms_.size()].about.id;
  };
  for (const auto& one : spans) out.rules.insert(name(one.rule));
  find_known(folded, spans, out);
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return std::tuple(a.begin, ~a.rank, a.rule) < std::tuple(b.begin, ~b.rank, b.rule);
  });
  std::size_t masked_until = 0;
  auto next = spans.begin();
  for (std::size_t at = 0; at < folded.size(); ++at) {
    for (; next != spans.end() && next->begin == at; ++next) {
      if (at >= masked_until) out.placeholders += "[REDACTED:" + name(next->rule) + "]";
      masked_until = std::max(masked_until, next->end);
    }
    const bool masked = at < masked_until;
    if (!masked) out.placeholders += written[at];
    out.stars += masked ? std::string(written[at].size(), '*') : written[at];
  }
  out.placeholders += folder.waiting();
  out.stars += folder.waiting();
  return out;
}

} // namespace sluice::test
