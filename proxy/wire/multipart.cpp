#include "proxy/wire/multipart.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::size_t kMaxBoundary = 70;
constexpr std::size_t kMaxPadding = 64; // white space behind a boundary

Error undecodable(std::string why) {
  return make_error(Origin::downstream, "content_undecodable", std::move(why));
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// One ';' parameter, quotes resolved; `rest` moves behind it. nullopt at the end, and where the
// text is none.
struct Parameter {
  std::string name, value;
};
std::optional<Parameter> next_parameter(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  rest.remove_prefix(1); // ';'
  const auto equals = std::min(rest.find_first_of("=;"), rest.size());
  Parameter out{ascii_lower(trimmed(rest.substr(0, equals))), ""};
  rest.remove_prefix(equals);
  if (rest.empty() || rest.front() == ';') return out;
  rest = rest.substr(1);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find(';'), rest.size());
    out.value = trimmed(rest.substr(0, end));
    rest.remove_prefix(end);
    return out;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    out.value += rest[at];
  }
  rest.remove_prefix(std::min(rest.size(), std::min(rest.find(';', at), rest.size())));
  return out;
}

bool is_boundary(std::string_view text) { // RFC 2046 §5.1.1
  constexpr std::string_view kSigns = "'()+_,-./:=? ";
  const auto allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kSigns.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kMaxBoundary && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), allowed);
}

} // namespace

Result<std::optional<MultipartReader>> MultipartReader::of(std::string_view content_type) {
  constexpr std::string_view kType = "multipart/";
  auto rest = content_type.substr(std::min(content_type.find(';'), content_type.size()));
  const auto type = ascii_lower(trimmed(content_type.substr(0, content_type.size() - rest.size())));
  if (!type.starts_with(kType)) return std::optional<MultipartReader>();
  std::optional<std::string> boundary;
  while (auto one = next_parameter(rest)) {
    if (one->name.starts_with("boundary*")) return undecodable("a boundary in pieces");
    if (one->name != "boundary") continue;
    if (boundary && *boundary != one->value) return undecodable("two boundaries");
    boundary = std::move(one->value);
  }
  if (!boundary) return std::optional<MultipartReader>();
  if (!is_boundary(*boundary)) return undecodable("a boundary that is none");
  return std::optional(MultipartReader(std::move(*boundary)));
}

void MultipartReader::feed(std::string_view in) {
  buffer_.erase(0, std::exchange(at_, 0));
  buffer_ += in;
}

Result<std::optional<MultipartReader::Piece>> MultipartReader::next() {
  switch (state_) {
  case State::head: return next_head();
  case State::part_begins:
    state_ = State::body;
    return std::optional(Piece{Piece::Kind::part_begins, {}});
  case State::after_parts:
    if (at_ == buffer_.size()) return std::optional<Piece>();
    return take(Piece::Kind::frame, buffer_.size() - at_);
  case State::before_parts:
  case State::body: break;
  }
  return next_text();
}

std::optional<MultipartReader::Piece> MultipartReader::take(Piece::Kind kind, std::size_t size) {
  const auto from = std::exchange(at_, at_ + size);
  return Piece{kind, std::string_view(buffer_).substr(from, size)};
}

// Of a line that begins here; `length` with its line end, which the last boundary need not have.
MultipartReader::Match MultipartReader::match(std::string_view line, std::size_t& length) const {
  const auto common = std::min(line.size(), delimiter_.size());
  if (line.substr(0, common) != std::string_view(delimiter_).substr(0, common)) return Match::none;
  const Match cut = ended_ ? Match::none : Match::need_more;
  auto rest = line.substr(common);
  if (common < delimiter_.size() || rest.empty() || rest == "-") return cut;
  length = common + 2;
  if (rest.starts_with("--")) return Match::last;
  const auto padding = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (padding > kMaxPadding) return Match::none;
  rest.remove_prefix(padding);
  if (rest.empty() || rest == "\r") return cut;
  length = common + padding + (rest.starts_with('\r') ? 2 : 1);
  return rest.starts_with('\n') || rest.starts_with("\r\n") ? Match::part : Match::none;
}

std::optional<MultipartReader::Piece> MultipartReader::next_text() {
  const auto text_kind = state_ == State::body ? Piece::Kind::body : Piece::Kind::frame;
  const auto rest = std::string_view(buffer_).substr(at_);
  if (at_line_) {
    std::size_t length = 0;
    const auto found = match(rest.substr(newline_), length);
    if (found == Match::need_more) return std::nullopt;
    if (found != Match::none) {
      if (std::exchange(state_, State::before_parts) == State::body) { // looked at again
        return Piece{Piece::Kind::part_ends, {}};
      }
      state_ = found == Match::last ? State::after_parts : State::head;
      head_line_ = 0;
      return take(Piece::Kind::frame, std::exchange(newline_, 0) + length);
    }
    at_line_ = false;
  }
  const auto end_of_line = rest.find('\n', newline_);
  if (end_of_line == std::string_view::npos) {
    const bool may_go_on = !ended_ && rest.ends_with('\r');
    const auto size = rest.size() - (may_go_on ? 1 : 0);
    if (size == 0) return std::nullopt;
    newline_ = 0;
    return take(text_kind, size);
  }
  const bool with_cr = end_of_line > newline_ && rest[end_of_line - 1] == '\r';
  const auto size = end_of_line - (with_cr ? 1 : 0);
  newline_ = with_cr ? 2 : 1;
  at_line_ = true;
  if (size == 0) return next_text(); // an empty line: only its end stands here
  return take(text_kind, size);
}

Result<std::optional<MultipartReader::Piece>> MultipartReader::next_head() {
  const auto rest = std::string_view(buffer_).substr(at_);
  for (;;) {
    const auto end = rest.find('\n', head_line_);
    if (end == std::string_view::npos) break;
    const auto line = rest.substr(head_line_, end - head_line_);
    head_line_ = end + 1;
    if (!line.empty() && line != "\r") continue;
    if (head_line_ > kMaxPartHead) break;
    read_head(rest.substr(0, head_line_));
    state_ = State::part_begins;
    at_line_ = true;
    newline_ = 0;
    return take(Piece::Kind::frame, head_line_);
  }
  if (rest.size() > kMaxPartHead) return undecodable("the head of a part is too large");
  if (!ended_ || rest.empty()) return std::optional<Piece>();
  return take(Piece::Kind::frame, rest.size()); // cut short: there is no body
}

void MultipartReader::read_head(std::string_view head) {
  part_ = {};
  std::string* last = nullptr;
  while (!head.empty()) {
    const auto end = head.find('\n');
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 1);
    if (!line.empty() && is_blank(line.front())) { // folded
      if (last != nullptr) last->append(" ").append(trimmed(line));
      continue;
    }
    const auto colon = std::min(line.find(':'), line.size());
    const auto name = ascii_lower(trimmed(line.substr(0, colon)));
    last = name == "content-encoding"            ? &part_.content_encoding
           : name == "content-transfer-encoding" ? &part_.transfer_encoding
                                                 : nullptr;
    if (last == nullptr || colon == line.size()) continue;
    if (!last->empty()) last->append(", ");
    last->append(trimmed(line.substr(colon + 1)));
  }
}

} // namespace sluice::wire
