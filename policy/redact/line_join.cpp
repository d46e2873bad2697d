#include "policy/redact/line_join.hpp"

#include <algorithm>
#include <array>

namespace sluice::redact {
namespace {

std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> out{};
  out.fill(-1);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    out[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  }
  out['-'] = out['+'];
  out['_'] = out['/'];
  return out;
}
const std::array<std::int8_t, 256> kDigitOf = make_digits();

// Moves `at` behind the sign, or behind its JSON escape, however often that was escaped again, or
// behind its form in a URL.
LineEnd::Kind take_sign(std::string_view text, std::size_t& at, char sign, char name) {
  if (at == text.size()) return LineEnd::Kind::open;
  if (text[at] == '%') {
    const std::string_view lower = sign == '\n' ? "%0a" : "%0d",
                           upper = sign == '\n' ? "%0A" : "%0D";
    const auto three = text.substr(at, lower.size());
    if (three != lower.substr(0, three.size()) && three != upper.substr(0, three.size())) {
      return LineEnd::Kind::none;
    }
    if (three.size() < lower.size()) return LineEnd::Kind::open;
    at += lower.size();
    return LineEnd::Kind::whole;
  }
  if (text[at] == sign) {
    ++at;
    return LineEnd::Kind::whole;
  }
  const auto rest = text.substr(at);
  const auto count = std::min(rest.find_first_not_of('\\'), rest.size());
  if (count == 0 || count > LineEnd::kMostBackslashes) return LineEnd::Kind::none;
  if (count == rest.size()) return LineEnd::Kind::open;
  if (rest[count] != name) return LineEnd::Kind::none;
  at += count + 1;
  return LineEnd::Kind::whole;
}

} // namespace

int base64_digit(char c) noexcept {
  return kDigitOf[static_cast<unsigned char>(c)];
}

LineEnd line_end_at(std::string_view text) noexcept {
  std::size_t at = 0;
  if (take_sign(text, at, '\r', 'r') == LineEnd::Kind::open) return {LineEnd::Kind::open, 0};
  const auto kind = take_sign(text, at, '\n', 'n');
  if (kind != LineEnd::Kind::whole) return {kind, 0};
  const auto indent = std::min(at + LineEnd::kMostIndent, text.size());
  while (at < indent && (text[at] == ' ' || text[at] == '\t')) ++at;
  return {at == text.size() ? LineEnd::Kind::open : LineEnd::Kind::whole, at};
}

std::size_t base64_before(const StreamText& text, std::uint64_t place, std::size_t most) noexcept {
  const auto before = text.bytes.substr(0, place - text.base);
  std::size_t count = 0;
  while (count < std::min(most, before.size()) &&
         base64_digit(before[before.size() - 1 - count]) >= 0) {
    ++count;
  }
  return count;
}

std::size_t line_before(const StreamText& text, std::uint64_t place) noexcept {
  constexpr std::size_t kLetters = 2; // of an escape, which are none of the line
  const auto count = base64_before(text, place, kShortestLine + kLetters);
  if (count == 0 || place - count <= text.base) return std::min(count, kShortestLine);
  const auto begin = text.from(place - count - 1);
  constexpr std::string_view kEscapes = "nrtbf";
  const bool escape = begin[0] == '\\' && kEscapes.find(begin[1]) != std::string_view::npos;
  const std::size_t letters = escape ? 1 : begin[0] == '%' ? std::min(count, kLetters) : 0;
  return std::min(count - letters, kShortestLine);
}

std::uint64_t base64_place_before(const StreamText& text, std::uint64_t place) noexcept {
  const auto reach = std::min<std::uint64_t>(place - text.base, LineEnd::kLongest);
  for (auto at = place - 1; at + reach >= place && at > text.base; --at) {
    const char c = text.from(at).front();
    if (c != '\n' && c != '\r' && c != '\\' && c != '%') continue;
    const auto end = line_end_at(text.from(at));
    if (end.kind == LineEnd::Kind::whole && at + end.length == place &&
        line_before(text, at) == kShortestLine) {
      return at - 1;
    }
  }
  return base64_before(text, place, 1) == 1 ? place - 1 : place;
}

JoinedLines::JoinedLines(const StreamText& text, std::uint64_t begin, std::size_t most) {
  auto length = line_before(text, begin); // of the line, so far
  for (auto place = begin;;) {
    const auto rest = text.from(place);
    const auto size = static_cast<std::size_t>(
        std::find_if(rest.begin(), rest.end(), [](char c) { return base64_digit(c) < 0; }) -
        rest.begin());
    lines_.push_back({text_.size(), place});
    text_.append(rest.substr(0, size));
    length += size;
    place += size;
    open_ = place == text.end();
    if (open_ || text_.size() >= most || length < kShortestLine) return;
    const auto end = line_end_at(text.from(place));
    open_ = in_line_end_ = end.kind == LineEnd::Kind::open;
    if (end.kind != LineEnd::Kind::whole) return;
    place += end.length;
    length = 0;
  }
}

bool JoinedLines::ended(std::size_t line) const noexcept {
  return line + 1 < lines_.size() || in_line_end_;
}

std::size_t JoinedLines::end_of(std::size_t line) const noexcept {
  return line + 1 < lines_.size() ? lines_[line + 1].at : text_.size();
}

std::uint64_t JoinedLines::place_at(std::size_t at) const noexcept {
  const auto after = std::upper_bound(lines_.begin(), lines_.end(), at,
                                      [](std::size_t a, const Line& line) { return a < line.at; });
  return (after - 1)->place + (at - (after - 1)->at);
}

} // namespace sluice::redact
