#include "proxy/wire/quoted_printable.hpp"

#include <algorithm>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::size_t kMostPadding = 64; // white space between '=' and the line end

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string escaped(char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {'=', kDigits[byte >> 4U], kDigits[byte & 15U]};
}

enum class Found { plain, escape, soft_break, need_more };

// At a '='; `length` of what was found.
Found look(std::string_view rest, std::size_t& length) {
  if (rest.size() == 1) return Found::need_more;
  if (digit(rest[1]) >= 0) {
    if (rest.size() == 2) return Found::need_more;
    length = 3;
    return digit(rest[2]) >= 0 ? Found::escape : Found::plain;
  }
  auto at = rest.find_first_not_of(" \t", 1);
  if (at == std::string_view::npos) at = rest.size();
  if (at > kMostPadding) return Found::plain;
  if (at == rest.size()) return Found::need_more;
  if (rest[at] == '\r' && ++at == rest.size()) return Found::need_more;
  length = at + 1;
  return rest[at] == '\n' ? Found::soft_break : Found::plain;
}

} // namespace

void QuotedPrintableDecoder::feed(std::string_view in, std::string& out) {
  const std::string joined = kept_.empty() ? std::string() : std::exchange(kept_, {}).append(in);
  auto rest = joined.empty() ? in : std::string_view(joined);
  while (!rest.empty()) {
    const auto plain = std::min(rest.find_first_of("=\r\n"), rest.size());
    out += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) return;
    if (rest == "\r") break;
    if (rest[0] != '=') {
      const bool line_end = rest[0] == '\n' || rest[1] == '\n';
      out += line_end ? "\r\n" : "\r";
      rest.remove_prefix(rest[0] == '\r' && line_end ? 2 : 1);
      continue;
    }
    std::size_t length = 1;
    const auto found = look(rest, length);
    if (found == Found::need_more) break;
    if (found == Found::escape) out += static_cast<char>(digit(rest[1]) * 16 + digit(rest[2]));
    if (found == Found::plain) out += '=';
    rest.remove_prefix(found == Found::plain ? 1 : length);
  }
  kept_ = rest;
}

void QuotedPrintableDecoder::finish(std::string& out) {
  out += std::exchange(kept_, {});
}

void QuotedPrintableEncoder::put(std::string_view unit, std::string& out) {
  constexpr std::size_t kLine = 75; // and the '=' of a soft break
  if (column_ + unit.size() > kLine) {
    out += "=\r\n";
    column_ = 0;
  }
  out += unit;
  column_ += unit.size();
}

void QuotedPrintableEncoder::put_kept(bool at_line_end, std::string& out) {
  const char c = std::exchange(kept_, '\0');
  if (c == 0) return;
  if (c != '\r' && !at_line_end) return put(std::string_view(&c, 1), out);
  put(escaped(c), out);
}

void QuotedPrintableEncoder::feed(std::string_view in, std::string& out) {
  for (const char c : in) {
    if (c == '\n' && kept_ == '\r') {
      kept_ = 0;
      out += "\r\n";
      column_ = 0;
      continue;
    }
    put_kept(c == '\r', out);
    if (c == '\r' || c == ' ' || c == '\t') {
      kept_ = c;
    } else if (c > ' ' && c <= '~' && c != '=') {
      put(std::string_view(&c, 1), out);
    } else {
      put(escaped(c), out);
    }
  }
}

void QuotedPrintableEncoder::finish(std::string& out) {
  put_kept(true, out);
}

} // namespace sluice::wire
