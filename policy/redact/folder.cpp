#include "policy/redact/folder.hpp"

#include "policy/redact/json_text.hpp"
#include "policy/redact/scan.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::size_t kMostBackslashes = 8; // JSON in JSON in JSON in a string
constexpr std::size_t kMostPercents = 3;    // times that a '%' was encoded again
constexpr std::size_t kMostPlainUnit = 36;  // bytes that one notation takes at most
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

// Zero-width, joiners, fillers, direction marks, soft hyphen, variation selectors, tags, byte order
// mark.
bool is_invisible(unsigned point) {
  constexpr std::pair<unsigned, unsigned> kRanges[] = {
      {0xAD, 0xAD},     {0x34F, 0x34F},     {0x61C, 0x61C},    {0x115F, 0x1160}, {0x180E, 0x180E},
      {0x200B, 0x200F}, {0x202A, 0x202E},   {0x2060, 0x206F},  {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
      {0xFFA0, 0xFFA0}, {0xE0000, 0xE007F}, {0xE0100, 0xE01EF}};
  if (point < 0x61C && point != 0xAD && point != 0x34F) return false; // most
  return std::any_of(std::begin(kRanges), std::end(kRanges), [point](const auto& range) {
    return point >= range.first && point <= range.second;
  });
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

// Mathematical letters and digits: thirteen styles of the alphabet, five of the digits.
char plain_of_mathematical(unsigned point) {
  constexpr unsigned kLetters = 0x1D400, kGreek = 0x1D6A4, kDigits = 0x1D7CE, kEnd = 0x1D800;
  if (point >= kLetters && point < kGreek) {
    const unsigned letter = (point - kLetters) % 52;
    return static_cast<char>(letter < 26 ? 'A' + letter : 'a' + letter - 26);
  }
  if (point >= kDigits && point < kEnd) return static_cast<char>('0' + (point - kDigits) % 10);
  return 0;
}

// The ASCII character that a person takes it for; 0 for all others.
char look_alike(unsigned point) {
  if ((point >= 0x2010 && point <= 0x2013) || point == 0x2212) return '-';
  if (point > 0xFFFF) return plain_of_mathematical(point);
  if (point >= 0xFF01 && point <= 0xFF5E) return static_cast<char>(point - 0xFEE0); // full width
  if (point < kFirstAlike || point > kLastAlike) return 0;
  return kAlikes[point - kFirstAlike];
}

bool begins_notation(char c) {
  return c == '\\' || c == '%' || c == '&';
}

struct Point {
  unsigned value = 0;
  std::size_t length = 0; // 0: the text ends inside it
};

// Of the sequences disguise_leads() names: two to four bytes.
Point point_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (text.size() < length) return {};
  unsigned value = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) value = value << 6U | (byte(i) & 0x3FU);
  return {value, length};
}

bool is_one_of(char c, std::string_view bytes) {
  return bytes.find(c) != std::string_view::npos;
}
bool disguises_utf8(char c) { // a first byte of what utf8_unit reads; see disguise_leads()
  return is_one_of(c, "\xC2\xCD\xCE\xCF\xD0\xD1\xD8\xE1\xE2\xEF\xF0\xF3");
}
bool leads_utf8(char c) { // RFC 3629
  return static_cast<unsigned char>(c) >= 0xC2 && static_cast<unsigned char>(c) <= 0xF4;
}
bool is_beyond_ascii(unsigned point) { // a character that UTF-8 has, and no control character
  return point >= 0xA0 && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}
bool is_shortest(const Point& point) {
  return point.value >= (point.length == 2 ? 0x80U : point.length == 3 ? 0x800U : 0x10000U);
}

bool leads_look_alike(char c) {
  return is_one_of(c, "\xCE\xCF\xD0\xD1\xE2\xEF\xF0");
}

} // namespace

// Escaped n times again, a backslash of JSON is 2^n; those before them are backslashes of the text.
Folder::Unit Folder::json_unit(std::string_view rest) const {
  const auto count = std::min(rest.find_first_not_of('\\'), rest.size());
  if (count == rest.size() && count <= kMostBackslashes) return {Unit::Kind::need_more};
  if (count > kMostBackslashes) { // so that the same are left however the run was cut
    return {Unit::Kind::as_written, (count - 1) / kMostBackslashes * kMostBackslashes};
  }
  const Unit plain{Unit::Kind::as_written, count};
  if (rest[count] != '/' && rest[count] != 'u') return plain;
  const auto own = count & (~count + 1);
  if (own < count) return {Unit::Kind::as_written, count - own};
  if (rest[count] == '/') return {Unit::Kind::one_byte, count + 1, '/'};
  const std::size_t length = count + 5;
  unsigned point = 0;
  for (std::size_t i = count + 1; i < length; ++i) {
    if (i == rest.size()) return {Unit::Kind::need_more};
    const auto digit = hex_value(rest[i]);
    if (!digit) return plain;
    point = point * 16 + *digit;
  }
  if (point < 0xD800 || point > 0xDBFF) {
    const Unit one = unit_of(point, length);
    return one.kind == Unit::Kind::as_written ? plain : one;
  }
  const Unit low = low_surrogate(rest.substr(length), count);
  if (low.kind != Unit::Kind::sign) return low.kind == Unit::Kind::need_more ? low : plain;
  const Unit both = unit_of(0x10000 + ((point - 0xD800) << 10U) + low.point, length + low.length);
  return both.kind == Unit::Kind::as_written ? plain : both;
}

// The second half of a sign that JSON writes in two: its ten bits.
Folder::Unit Folder::low_surrogate(std::string_view rest, std::size_t backslashes) {
  for (std::size_t i = 0; i < backslashes + 5; ++i) {
    if (i == rest.size()) return {Unit::Kind::need_more};
    const bool fits = i < backslashes    ? rest[i] == '\\'
                      : i == backslashes ? rest[i] == 'u'
                                         : hex_value(rest[i]).has_value();
    if (!fits) return {};
  }
  const auto point = hex_number(rest.substr(backslashes + 1), 4).value_or(0);
  if (point < 0xDC00 || point > 0xDFFF) return {};
  Unit out{Unit::Kind::sign, backslashes + 5};
  out.point = point - 0xDC00;
  return out;
}

// Of an escaped character.
Folder::Unit Folder::unit_of(unsigned point, std::size_t length) const {
  if (point >= 0x20 && point <= 0x7E) {
    return {Unit::Kind::one_byte, length, static_cast<char>(point)};
  }
  if (is_invisible(point)) return {Unit::Kind::invisible, length};
  if (const char like = look_alike(point)) return {Unit::Kind::one_byte, length, like};
  if (signs_ == Signs::as_written || !is_beyond_ascii(point)) return {};
  Unit out{Unit::Kind::sign, length};
  out.point = point;
  return out;
}

// One byte as URLs write it, however often the '%' was encoded again.
Folder::Unit Folder::percent_at(std::string_view rest) {
  if (rest.empty()) return {Unit::Kind::need_more};
  if (rest[0] != '%') return {};
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
  return {Unit::Kind::one_byte, at + 2, static_cast<char>(byte)};
}

Folder::Unit Folder::url_unit(std::string_view rest) const {
  const Unit first = percent_at(rest);
  if (first.kind != Unit::Kind::one_byte) return first;
  if (first.byte >= 0x20 && first.byte <= 0x7E) return first;
  const bool leads = signs_ == Signs::read ? leads_utf8(first.byte) : disguises_utf8(first.byte);
  if (leads) {
    std::string bytes(1, first.byte);
    auto length = first.length;
    while (point_at(bytes).length == 0) {
      const Unit next = percent_at(rest.substr(length));
      if (next.kind == Unit::Kind::need_more) return next;
      const bool goes_on = next.kind == Unit::Kind::one_byte && (next.byte & 0xC0) == 0x80;
      if (!goes_on) break;
      bytes += next.byte;
      length += next.length;
    }
    const Point point = point_at(bytes);
    const Unit one = point.length == 0 ? Unit{} : unit_of(point.value, length);
    const bool valid = one.kind != Unit::Kind::sign || is_shortest(point);
    if (one.kind != Unit::Kind::as_written && valid) return one;
  }
  // Of %25C3 the '%' is what was encoded again.
  return first.length > 3 ? Unit{Unit::Kind::one_byte, first.length - 2, '%'} : Unit{};
}

// As browsers read it: the ';' may be missing, zeros may stand before the number.
Folder::Unit Folder::html_unit(std::string_view rest) const {
  constexpr std::pair<std::string_view, char> kNames[] = {
      {"&amp", '&'}, {"&lt", '<'}, {"&gt", '>'}, {"&quot", '"'}, {"&apos", '\''}};
  for (const auto& [name, byte] : kNames) {
    if (rest == name) {
      return {Unit::Kind::need_more, name.size(), byte, Unit::Kind::one_byte};
    }
    if (name.starts_with(rest)) return {Unit::Kind::need_more};
    if (!rest.starts_with(name)) continue;
    return {Unit::Kind::one_byte, name.size() + (rest[name.size()] == ';' ? 1 : 0), byte};
  }
  if (!rest.starts_with("&#")) return {};
  return html_number(rest);
}

Folder::Unit Folder::html_number(std::string_view rest) const {
  constexpr std::size_t kMostDigits = 24;
  constexpr unsigned kBeyond = 0x110000;
  if (rest.size() < 3) return {Unit::Kind::need_more};
  const bool hex = rest[2] == 'x' || rest[2] == 'X';
  const std::size_t first = hex ? 3 : 2;
  unsigned point = 0;
  std::size_t at = first;
  for (; at < rest.size(); ++at) {
    const auto digit = hex_value(rest[at]);
    if (!digit || (!hex && *digit > 9)) break;
    if (at - first == kMostDigits) return {};
    point = std::min(kBeyond, point * (hex ? 16 : 10) + *digit);
  }
  if (at == first && at < rest.size()) return {};
  const bool more = at == rest.size(); // of the number, perhaps
  const auto length = at + (!more && rest[at] == ';' ? 1 : 0);
  Unit out = unit_of(point, length);
  if (!more) return out;
  // As it always was: what cannot be seen is not read without its ';' at the very end.
  out.otherwise = out.kind == Unit::Kind::invisible ? Unit::Kind::as_written : out.kind;
  if (out.otherwise == Unit::Kind::as_written) out.length = 1;
  out.kind = Unit::Kind::need_more;
  return out;
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

Folder::Unit Folder::plain_unit_at(std::string_view text, std::size_t at) const {
  switch (text[at]) {
  case '\\': return json_unit(text.substr(at));
  case '%': return url_unit(text.substr(at));
  case '&': return html_unit(text.substr(at));
  default: return utf8_unit(text, at);
  }
}

Folder::Unit Folder::unit_at(std::string_view text, std::size_t at) const {
  constexpr std::size_t kMostNotations = 4; // one inside another
  Unit unit = plain_unit_at(text, at);
  for (std::size_t i = 1; i < kMostNotations; ++i) {
    if (unit.kind != Unit::Kind::one_byte || !begins_notation(unit.byte)) break;
    const Unit outer = outer_unit_at(text, at, unit);
    unit.settled = outer.settled;
    if (outer.kind == Unit::Kind::as_written) break;
    unit = outer;
  }
  return unit;
}

// The sign that begins one notation was itself written in another. What follows it is read the same
// way, until it is known whether the signs mean a byte together.
Folder::Unit Folder::outer_unit_at(std::string_view text, std::size_t at, const Unit& first) const {
  constexpr std::size_t kMostSigns = 2 * (kMostBackslashes + 5);
  std::string signs(1, first.byte);
  std::array<std::size_t, kMostSigns> ends{first.length};
  std::size_t in_disguise = 0; // signs right after the first
  for (;;) {
    const Unit outer = plain_unit_at(signs, 0);
    const auto place = at + ends[signs.size() - 1];
    if (outer.kind == Unit::Kind::as_written) {
      Unit none; // the signs that mean nothing here do not mean anything without the first either
      none.settled =
          static_cast<std::uint8_t>(std::min({outer.length - 1, signs.size() - 1, in_disguise}));
      return none;
    }
    if (outer.kind != Unit::Kind::need_more) {
      Unit out = outer;
      out.length = outer.length > signs.size() ? 1 : ends[outer.length - 1];
      return out;
    }
    if (place == text.size()) {
      return {Unit::Kind::need_more, first.length, first.byte, Unit::Kind::one_byte};
    }
    if (signs.size() == kMostSigns || place - at + kMostPlainUnit > kMostKept) return {};
    const bool plain = !begins_notation(text[place]);
    const Unit next = plain ? Unit{} : plain_unit_at(text, place);
    if (next.kind == Unit::Kind::need_more) {
      return {Unit::Kind::need_more, first.length, first.byte, Unit::Kind::one_byte};
    }
    if (next.kind == Unit::Kind::invisible) return {};
    const bool is_byte = next.kind == Unit::Kind::one_byte;
    if (is_byte && in_disguise + 1 == signs.size()) ++in_disguise;
    ends[signs.size()] = place - at + (is_byte ? next.length : 1);
    signs += is_byte ? next.byte : text[place];
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
  case 0xCD: return next != 0x8F;
  case 0xCE:
  case 0xCF:
  case 0xD0:
  case 0xD1: return look_alike(point_at(text.substr(at, 2)).value) == 0; // half of the letters
  case 0xD8: return next != 0x9C;
  case 0xE1: return next != 0x85 && next != 0xA0;
  case 0xE2: return next != 0x80 && next != 0x81 && next != 0x88;
  case 0xF0: return next != 0x9D;
  case 0xF3: return next != 0xA0;
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
        const Unit unit = settled_ > 0 ? plain_unit_at(text, at) : unit_at(text, at);
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
  const auto kind = unit.kind == Unit::Kind::need_more ? unit.otherwise : unit.kind;
  if (kind == Unit::Kind::as_written) return;
  const bool invisible = kind == Unit::Kind::invisible;
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
  Disguise& made = taking.disguises.emplace_back();
  made.at = taking.base + taking.out.size();
  if (!invisible_.empty()) made.written.swap(invisible_);
  made.written += written;
  if (kind == Unit::Kind::sign) {
    append_sign(taking, unit.point);
    return;
  }
  taking.out += unit.byte;
  settled_ = settled_ > 0 ? settled_ - 1 : unit.settled;
  last_ = unit.byte;
  last_was_look_alike_ = static_cast<unsigned char>(written.front()) >= 0x80;
}

// The first of its bytes is written already, with all of its escape.
void Folder::append_sign(Taking& taking, unsigned point) {
  const auto first = taking.out.size();
  append_utf8(point, taking.out);
  for (auto at = first + 1; at < taking.out.size(); ++at) {
    taking.disguises.push_back({taking.base + at, {}});
  }
  settled_ -= std::min<std::size_t>(settled_, 1);
  last_ = taking.out.back();
  last_was_look_alike_ = false;
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
