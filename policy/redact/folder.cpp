#include "policy/redact/folder.hpp"

#include "policy/redact/scan.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::size_t kMostBackslashes = 8; // JSON in JSON in JSON in a string
constexpr std::size_t kMostPercents = 3;    // times that a '%' was encoded again
constexpr std::size_t kMostLookAlikes = 4;  // in a row, before an ASCII letter

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// Requires: `digits` available.
std::optional<unsigned> hex_number(std::string_view text, std::size_t digits) {
  unsigned value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const auto digit = hex_value(text[i]);
    if (!digit) return std::nullopt;
    value = value * 16 + *digit;
  }
  return value;
}

// Zero-width, joiners, direction marks, soft hyphen, byte order mark.
bool is_invisible(unsigned point) {
  return point == 0xAD || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x202A && point <= 0x202E) || (point >= 0x2060 && point <= 0x2064) ||
         point == 0xFEFF;
}

constexpr unsigned kFirstAlike = 0x391, kLastAlike = 0x458;
constexpr auto kAlikes = [] {
  constexpr std::pair<unsigned, char> kTable[] = {
      {0x391, 'A'}, {0x392, 'B'}, {0x395, 'E'}, {0x396, 'Z'}, {0x397, 'H'}, {0x399, 'I'},
      {0x39A, 'K'}, {0x39C, 'M'}, {0x39D, 'N'}, {0x39F, 'O'}, {0x3A1, 'P'}, {0x3A4, 'T'},
      {0x3A5, 'Y'}, {0x3A7, 'X'}, {0x3BD, 'v'}, {0x3BF, 'o'}, {0x405, 'S'}, {0x406, 'I'},
      {0x408, 'J'}, {0x410, 'A'}, {0x412, 'B'}, {0x415, 'E'}, {0x41A, 'K'}, {0x41C, 'M'},
      {0x41D, 'H'}, {0x41E, 'O'}, {0x420, 'P'}, {0x421, 'C'}, {0x422, 'T'}, {0x425, 'X'},
      {0x430, 'a'}, {0x435, 'e'}, {0x43E, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'},
      {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}};
  std::array<char, kLastAlike - kFirstAlike + 1> out{};
  for (const auto& [from, to] : kTable) out[from - kFirstAlike] = to;
  return out;
}();

// The ASCII character that a person takes it for; 0 for all others.
char look_alike(unsigned point) {
  if (point >= 0xFF01 && point <= 0xFF5E) return static_cast<char>(point - 0xFEE0); // full width
  if (point < kFirstAlike || point > kLastAlike) return 0;
  return kAlikes[point - kFirstAlike];
}

struct Point {
  unsigned value = 0;
  std::size_t length = 0; // 0: the text ends inside it
};

// Of the sequences disguise_leads() names: two or three bytes.
Point point_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) >= 0xE0 ? 3 : 2;
  if (text.size() < length) return {};
  if (length == 2) return {(byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU), 2};
  return {(byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU), 3};
}

bool leads_look_alike(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0xCE || byte == 0xCF || byte == 0xD0 || byte == 0xD1 || byte == 0xEF;
}

} // namespace

Folder::Unit Folder::json_unit(std::string_view rest) {
  const auto count = std::min(rest.find_first_not_of('\\'), rest.size());
  if (count > kMostBackslashes) return {};
  if (count == rest.size()) return {Unit::Kind::need_more};
  const Unit plain{Unit::Kind::as_written, count};
  if (rest[count] == '/') return {Unit::Kind::one_byte, count + 1, '/'};
  if (rest[count] != 'u') return plain;
  const auto digits = rest.substr(count + 1);
  for (std::size_t i = 0; i < 4; ++i) {
    if (i == digits.size()) return {Unit::Kind::need_more};
    if (!hex_value(digits[i])) return plain;
  }
  const auto point = hex_number(digits, 4).value_or(0);
  const std::size_t length = count + 5;
  if (is_invisible(point)) return {Unit::Kind::invisible, length};
  if (point >= 0x20 && point <= 0x7E) {
    return {Unit::Kind::one_byte, length, static_cast<char>(point)};
  }
  if (const char like = look_alike(point)) return {Unit::Kind::one_byte, length, like};
  return plain;
}

Folder::Unit Folder::url_unit(std::string_view rest) {
  std::size_t at = 1;
  for (std::size_t depth = 0;; ++depth) {
    for (std::size_t i = at; i < at + 2; ++i) {
      if (i == rest.size()) return {Unit::Kind::need_more};
      if (!hex_value(rest[i])) return {};
    }
    const bool again = rest[at] == '2' && rest[at + 1] == '5' && depth < kMostPercents;
    if (!again) break;
    // "%25" is a '%' of its own unless two digits follow it.
    for (std::size_t i = at + 2; i < at + 4; ++i) {
      if (i == rest.size()) return {Unit::Kind::need_more};
      if (!hex_value(rest[i])) return {Unit::Kind::one_byte, at + 2, '%'};
    }
    at += 2;
  }
  const auto byte = hex_number(rest.substr(at), 2).value_or(0);
  if (byte < 0x20 || byte > 0x7E) return {};
  return {Unit::Kind::one_byte, at + 2, static_cast<char>(byte)};
}

Folder::Unit Folder::html_unit(std::string_view rest) {
  constexpr std::pair<std::string_view, char> kNames[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  for (const auto& [name, byte] : kNames) {
    if (rest.starts_with(name)) return {Unit::Kind::one_byte, name.size(), byte};
    if (name.starts_with(rest)) return {Unit::Kind::need_more};
  }
  if (!std::string_view("&#").starts_with(rest.substr(0, 2))) return {};
  if (rest.size() < 3) return {Unit::Kind::need_more};
  const bool hex = rest[2] == 'x' || rest[2] == 'X';
  constexpr std::size_t kMostDigits = 7;
  unsigned point = 0;
  const std::size_t first = hex ? 3 : 2;
  std::size_t at = first;
  for (;; ++at) {
    if (at == rest.size()) return {Unit::Kind::need_more};
    if (rest[at] == ';') break;
    const auto digit = hex_value(rest[at]);
    if (!digit || (!hex && *digit > 9) || at - first == kMostDigits) return {};
    point = point * (hex ? 16 : 10) + *digit;
  }
  if (at == first) return {};
  if (is_invisible(point)) return {Unit::Kind::invisible, at + 1};
  if (point >= 0x20 && point <= 0x7E) {
    return {Unit::Kind::one_byte, at + 1, static_cast<char>(point)};
  }
  if (const char like = look_alike(point)) return {Unit::Kind::one_byte, at + 1, like};
  return {};
}

// A character that looks like an ASCII one is one only in the company of ASCII: text in the script
// it belongs to stays as it is.
Folder::Unit Folder::utf8_unit(std::string_view text, std::size_t at) const {
  const Point point = point_at(text.substr(at));
  if (point.length == 0) return {Unit::Kind::need_more};
  if (is_invisible(point.value)) return {Unit::Kind::invisible, point.length};
  const char like = look_alike(point.value);
  if (like == 0) return {};
  const Unit alike{Unit::Kind::one_byte, point.length, like};
  if (is_alnum(last_) || last_was_look_alike_) return alike;
  std::size_t next = at + point.length;
  for (std::size_t i = 0; i < kMostLookAlikes; ++i) {
    if (next == text.size()) return {Unit::Kind::need_more};
    if (is_alnum(text[next])) return alike;
    if (!leads_look_alike(text[next])) return {};
    const Point further = point_at(text.substr(next));
    if (further.length == 0) return {Unit::Kind::need_more};
    if (look_alike(further.value) == 0) return {};
    next += further.length;
  }
  return {};
}

Folder::Unit Folder::unit_at(std::string_view text, std::size_t at) const {
  switch (text[at]) {
  case '\\': return json_unit(text.substr(at));
  case '%': return url_unit(text.substr(at));
  case '&': return html_unit(text.substr(at));
  default: return utf8_unit(text, at);
  }
}

void Folder::fold(std::string_view in, Ending ending, std::uint64_t base, std::string& out,
                  std::vector<Disguise>& disguises) {
  if (!kept_.empty()) {
    const std::string text = std::exchange(kept_, {}) + std::string(in);
    const auto taken = take(text, ending, base, out, disguises);
    kept_.assign(text, taken);
    return;
  }
  const auto taken = take(in, ending, base, out, disguises);
  kept_.assign(in.substr(taken));
}

// Most leads are none: the backslash of \n, a dash. Tells so from one byte more.
bool Folder::is_plain(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return false;
  const auto next = static_cast<unsigned char>(text[at + 1]);
  switch (static_cast<unsigned char>(text[at])) {
  case '\\': return next != 'u' && next != '/' && next != '\\';
  case 0xE2: return next != 0x80 && next != 0x81;
  default: return false;
  }
}

// How many bytes of `text` were decided.
std::size_t Folder::take(std::string_view text, Ending ending, std::uint64_t base, std::string& out,
                         std::vector<Disguise>& disguises) {
  constexpr std::size_t kBlock = 4096;
  std::array<std::uint64_t, kBlock / 64> leads{};
  Taking taking{text, base, out, disguises};
  for (std::size_t block = 0; block < text.size(); block += kBlock) {
    const auto part = text.substr(block, kBlock);
    scan_isas().front().disguise_leads(part.data(), part.size(), leads.data());
    for (std::size_t word = 0; word * 64 < part.size(); ++word) {
      for (auto left = leads[word]; left != 0; left &= left - 1) {
        const auto at = block + word * 64 + static_cast<unsigned>(__builtin_ctzll(left));
        if (at < taking.next || is_plain(text, at)) continue;
        if (at > taking.done) {
          last_ = text[at - 1];
          last_was_look_alike_ = false;
        }
        const Unit unit = unit_at(text, at);
        if (unit.kind == Unit::Kind::need_more && ending == Ending::more_may_come) {
          keep_as_written(taking, at);
          return at;
        }
        take_unit(taking, at, unit);
      }
    }
  }
  keep_as_written(taking, text.size());
  return text.size();
}

void Folder::take_unit(Taking& taking, std::size_t at, const Unit& unit) {
  taking.next = at + unit.length;
  const bool invisible = unit.kind == Unit::Kind::invisible;
  if (unit.kind != Unit::Kind::one_byte && !invisible) return;
  if (invisible && invisible_.size() >= kMostKept) { // no more wait for a byte to go with
    keep_as_written(taking, taking.next);
    return;
  }
  keep_as_written(taking, at);
  taking.done = taking.next;
  const auto written = taking.text.substr(at, unit.length);
  if (invisible) {
    invisible_ += written;
    return;
  }
  taking.disguises.push_back(
      {taking.base + taking.out.size(), std::exchange(invisible_, {}) + std::string(written)});
  taking.out += unit.byte;
  last_ = unit.byte;
  last_was_look_alike_ = static_cast<unsigned char>(written.front()) >= 0x80;
}

void Folder::keep_as_written(Taking& taking, std::size_t until) {
  if (until <= taking.done) return;
  const auto written = taking.text.substr(taking.done, until - taking.done);
  if (!invisible_.empty()) {
    taking.disguises.push_back(
        {taking.base + taking.out.size(), std::exchange(invisible_, {}) + written.front()});
  }
  taking.out += written;
  last_ = written.back();
  last_was_look_alike_ = false;
  taking.done = until;
}

} // namespace sluice::redact
