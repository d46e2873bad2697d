#include "policy/redact/candidate.hpp"

#include "policy/redact/boundary.hpp"
#include "policy/redact/line_join.hpp"

#include <algorithm>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::size_t kLongestBlock = 16 * 1024; // bytes after the first line

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Whether the scan finds the run that is in this secret, or that it begins in.
bool shows(Shows wanted, std::string_view secret) {
  if (wanted == Shows::anything) return true;
  const auto shown = wanted == Shows::digit_run ? is_digit : is_digit_or_capital;
  const auto enough = wanted == Shows::mixed_beginning ? 1 : kRun;
  std::size_t row = 0;
  bool seen = false;
  for (const char c : secret) {
    if (is_token_byte(c)) {
      ++row;
      seen = seen || shown(c);
      if (seen && row >= enough) return true;
    } else if (wanted == Shows::mixed_beginning) {
      return false;
    } else {
      row = 0;
      seen = false;
    }
  }
  return false;
}

} // namespace

// An anchor that was compared byte by byte is known; any other is read by the shape.
Candidate::Candidate(const Needle& needle, std::uint64_t anchor, const StreamText& text)
    : needle_(&needle), anchor_(anchor), next_(anchor), decoded_until_(anchor),
      state_(needle.format->shape.start()) {
  if (needle.compared) {
    next_ = decoded_until_ = anchor + needle.anchor->text.size();
    state_ = needle.anchor->state;
    return;
  }
  if (needle.coding != Coding::base64) return;
  skip_bits_ = needle.lead_bits;
  // Some bits of its first byte stand in the character before.
  if (skip_bits_ > 0) next_ = base64_place_before(text, anchor);
  line_ = line_before(text, next_);
}

// A part of a byte is secret when the byte is, and so is a line end before it.
std::uint64_t Candidate::undecided() const noexcept {
  if (waits_ != kNowhere) return matched() ? matched_until_ : secret_begin_;
  if (matched()) {
    if (between_ != nullptr) return matched_until_;
    const bool accepted = needle_->format->shape.accepts(state_);
    const bool certain = in_block_ || (accepted && !needle_->format->checks_each_end());
    return certain ? std::max(decoded_until_, matched_until_) : matched_until_;
  }
  if (secret_begin_ != kNowhere) return secret_begin_;
  const bool in_anchor = !needle_->compared && decoded_ < needle_->anchor->text.size();
  return in_anchor ? kNowhere : decoded_until_;
}

Candidate::Life Candidate::read(const StreamText& text) {
  text_ = &text;
  switch (needle_->coding) {
  case Coding::plain: return read_plain(text);
  case Coding::hex: return read_hex(text);
  case Coding::base64: break;
  }
  return read_base64(text);
}

Candidate::Life Candidate::read_plain(const StreamText& text) {
  const auto rest = text.from(next_);
  std::size_t i = 0;
  // Most that begin are none, and end before anything of them is decided.
  if (needle_->compared && !matched() && waits_ == kNowhere) {
    i = read_undecided(rest);
    decoded_until_ = next_ += i;
    if (state_ == Shape::kDead) return Life::over;
  }
  for (; i < rest.size(); ++i) {
    if (in_block_ && between_ == nullptr) {
      const auto plain = skip_in_block(rest.substr(i));
      i += plain;
      decoded_until_ = next_ += plain;
      if (i == rest.size()) break;
    }
    if (step(rest[i], next_, next_ + 1) == Life::over) return Life::over;
    decoded_until_ = ++next_;
  }
  return Life::goes_on;
}

// Up to a byte that makes a match possible, which is left to step().
std::size_t Candidate::read_undecided(std::string_view rest) {
  const Shape& shape = needle_->format->shape;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const auto next = shape.next(state_, rest[i]);
    if (next != Shape::kDead && (shape.accepts(next) || !shape.in_secret(next))) return i;
    state_ = next;
    if (next == Shape::kDead) return i;
    if (secret_begin_ == kNowhere) secret_begin_ = next_ + i;
    secret_last_ = next_ + i + 1;
  }
  return rest.size();
}

// Bytes of a block that begin no marker and end no string.
std::size_t Candidate::skip_in_block(std::string_view rest) {
  if (dashes_ > 0 || block_begin_.seen > 0 || block_end_.seen > 0) return 0;
  const char stops[] = {'"', '\\', block_begin_.wanted.front(), block_end_.wanted.front()};
  const auto room = kLongestBlock - std::min(block_bytes_, kLongestBlock);
  rest = rest.substr(0, room);
  rest = rest.substr(0, rest.find_first_of(std::string_view(stops, 4)));
  const auto plain = read_header(rest);
  if (plain == 0) return 0;
  block_bytes_ += plain;
  escaped_ = false;
  matched_until_ = next_ + plain;
  if (secret_.size() < kMostBytes)
    secret_ += rest.substr(0, std::min(plain, kMostBytes - secret_.size()));
  return plain;
}

// Of a header inside the block, up to the byte that makes it whole, which is left to step().
std::size_t Candidate::read_header(std::string_view rest) {
  const Shape& shape = needle_->format->shape;
  for (std::size_t i = 0; i < rest.size() && header_ != Shape::kDead; ++i) {
    const auto next = shape.next(header_, rest[i]);
    if (shape.accepts(next)) return i;
    header_ = next;
  }
  return rest.size();
}

Candidate::Life Candidate::read_hex(const StreamText& text) {
  const auto rest = text.from(next_);
  for (std::size_t i = 0; i + 1 < rest.size(); i += 2) {
    const int high = hex_digit(rest[i]), low = hex_digit(rest[i + 1]);
    if (high < 0 || low < 0) {
      finish(text);
      return Life::over;
    }
    if (step(static_cast<char>(high * 16 + low), next_, next_ + 2) == Life::over) return Life::over;
    decoded_until_ = next_ += 2;
  }
  return Life::goes_on;
}

// RFC 4648 §4 and §5, folded or not.
Candidate::Life Candidate::read_base64(const StreamText& text) {
  while (next_ < text.end()) {
    const auto rest = text.from(next_);
    const int digit = base64_digit(rest.front());
    if (digit < 0) {
      const auto end = line_ < kShortestLine ? LineEnd{} : line_end_at(rest);
      if (end.kind == LineEnd::Kind::open) return Life::goes_on;
      if (end.kind == LineEnd::Kind::none) {
        finish(text);
        return Life::over;
      }
      // The text may also end with its line: then a word in the next one is none of its own.
      const auto waited = std::exchange(waits_, kNowhere);
      if (waited != kNowhere && match(waited) == Life::over) return Life::over;
      next_ += end.length;
      line_ = 0;
      continue;
    }
    const auto place = next_++;
    ++line_;
    if (bit_count_ == 0) byte_begin_ = place;
    bits_ = bits_ << 6U | static_cast<std::uint32_t>(digit);
    bit_count_ += 6 - std::exchange(skip_bits_, 0);
    if (bit_count_ < 8) continue;
    bit_count_ -= 8;
    const auto byte = static_cast<char>(bits_ >> bit_count_);
    if (step(byte, byte_begin_, place + 1) == Life::over) return Life::over;
    byte_begin_ = place; // what is left of the character
    decoded_until_ = bit_count_ > 0 ? place : next_;
  }
  return Life::goes_on;
}

Candidate::Life Candidate::step(char c, std::uint64_t begin, std::uint64_t end) {
  if (in_block_) return step_block(c, begin, end);
  const auto waited = std::exchange(waits_, kNowhere);
  if (waited != kNowhere && !is_word_byte(c) && match(waited) == Life::over) return Life::over;
  const Shape& shape = needle_->format->shape;
  const auto before = std::exchange(state_, shape.next(state_, c));
  if (state_ == Shape::kDead) return Life::over;
  const bool in_anchor = !needle_->compared && decoded_++ < needle_->anchor->text.size();
  if (too_long(before)) return Life::over;
  if (shape.in_secret(state_) && !in_anchor) {
    if (secret_begin_ == kNowhere) secret_begin_ = begin;
    secret_last_ = end;
    if (needle_->coding != Coding::plain && secret_.size() < kMostBytes) secret_ += c;
  }
  if (!shape.accepts(state_)) return Life::goes_on;
  if (needle_->format->ends_at_boundary) {
    waits_ = secret_last_;
    return Life::goes_on;
  }
  return match(secret_last_);
}

// What is not whole after so many bytes is no match; what is goes on as long as its bytes do.
bool Candidate::too_long(Shape::State before) const noexcept {
  const TokenFormat& format = *needle_->format;
  if (format.max_length == 0 || decoded_ <= format.max_length) return false;
  if (format.ends_at_boundary || format.checks_each_end()) return true;
  return !format.shape.accepts(before) || !format.shape.accepts(state_);
}

// A plain secret is still in the text when it is found, since it is held until then.
std::string_view Candidate::secret_until(std::uint64_t end) {
  if (needle_->coding != Coding::plain) return secret_;
  return text_->from(secret_begin_).substr(0, end - secret_begin_);
}

Candidate::Life Candidate::match(std::uint64_t end) {
  const TokenFormat& format = *needle_->format;
  if (secret_begin_ == kNowhere) return Life::over; // nothing of it is secret
  if (!matched()) {
    const auto written = text_->from(secret_begin_).substr(0, end - secret_begin_);
    if (!shows(needle_->shows, written))
      return written.size() < Needle::kShownWithin ? Life::goes_on : Life::over;
    const auto secret = secret_until(end);
    if (format.entropy > 0 && entropy_of(secret) < format.entropy) return Life::over;
    if (!passes(format.check, secret)) {
      return format.checks_each_end() ? Life::goes_on : Life::over;
    }
    if (needle_->coding == Coding::plain) secret_.assign(secret.substr(0, kMostBytes));
    if (!format.block_end.empty()) {
      begin_block();
      absorbs_from_ = end;
    }
  } else if (format.checks_each_end() && !passes(format.check, secret_until(end))) {
    return Life::goes_on;
  } else if (needle_->coding == Coding::plain && secret_.size() < kMostBytes) {
    const auto more = text_->from(matched_until_).substr(0, end - matched_until_);
    secret_ += more.substr(0, kMostBytes - secret_.size());
  }
  matched_until_ = end;
  const bool whole = !format.ends_at_boundary && !format.checks_each_end();
  if (absorbs_from_ == kNowhere && whole && format.shape.absorbs(state_)) absorbs_from_ = end;
  return Life::goes_on;
}

// Of a text that repeats itself (dashes), as much stays seen as can.
bool Candidate::Watch::sees(char c) {
  while (seen > 0 && wanted[seen] != c) {
    std::size_t shorter = seen - 1;
    while (shorter > 0 && wanted.substr(0, shorter) != wanted.substr(seen - shorter, shorter)) {
      --shorter;
    }
    seen = shorter;
  }
  if (wanted[seen] == c) ++seen;
  if (seen < wanted.size()) return false;
  seen = 0;
  return true;
}

std::uint64_t Candidate::absorbs_until() const noexcept {
  const bool in_anchor = in_block_ && block_begin_.seen > 0;
  return in_anchor ? std::min(header_from_, matched_until_) : matched_until_;
}

void Candidate::begin_block() {
  in_block_ = true;
  block_bytes_ = dashes_ = 0;
  block_begin_ = {needle_->anchor->text};
  block_end_ = {needle_->format->block_end};
  header_ = Shape::kDead;
  escaped_ = false;
}

bool Candidate::sees_anchor(char c, std::uint64_t begin) {
  if (block_begin_.seen == 0) header_from_ = begin;
  return block_begin_.sees(c);
}

// After a whole header inside, a block goes on as one that began there would: both end together,
// and it does not matter whether the other one is read, too.
void Candidate::look_for_header(char c, std::uint64_t begin) {
  const Shape& shape = needle_->format->shape;
  if (header_ != Shape::kDead) header_ = shape.next(header_, c);
  if (sees_anchor(c, begin)) {
    header_ = needle_->anchor->state;
    block_bytes_ = 0;
  }
  if (header_ != Shape::kDead && shape.accepts(header_)) begin_block();
}

// To the dashes or the line end after the end marker, to a quote that ends the string the block
// stands in (but see StringList), or to the cap, which another beginning inside puts off. What
// comes is covered before it is known how the block ends: it is never held.
Candidate::Life Candidate::step_block(char c, std::uint64_t begin, std::uint64_t end) {
  constexpr std::size_t kDashes = 5;
  const bool full = block_bytes_++ >= kLongestBlock && block_begin_.seen == 0;
  const bool over = dashes_ > kDashes || full;
  if (over) return Life::over;
  if (between_ != nullptr) return step_between(c, begin, end);
  if (c == '"' && !escaped_) {
    if (dashes_ > 0) return Life::over;
    between_ = std::make_unique<Between>(
        Between{StringList(block_end_.wanted), end, matched_until_, std::string(1, c)});
    block_begin_.seen = block_end_.seen = 0;
    header_ = Shape::kDead;
    return Life::goes_on;
  }
  escaped_ = c == '\\' && !escaped_;
  if (dashes_ > 0) { // after the marker: to the end of its line's dashes
    if (c == '\n' || c == '\r' || c == '\\') return Life::over;
    dashes_ = c == '-' ? dashes_ + 1 : 1;
  } else if (block_end_.sees(c)) {
    dashes_ = 1;
  }
  look_for_header(c, begin);
  matched_until_ = end;
  if (secret_.size() < kMostBytes) secret_ += c;
  return Life::goes_on;
}

// Another header in the next string is another key.
Candidate::Life Candidate::step_between(char c, std::uint64_t begin, std::uint64_t end) {
  using Says = StringList::Says;
  Between& between = *between_;
  const auto says = between.list.read(c);
  if (says == Says::over || sees_anchor(c, begin)) return Life::over;
  between.text += c;
  if (says == Says::ends_string) between.string_end = between.read_until;
  between.read_until = end;
  if (says == Says::undecided || says == Says::ends_string) return Life::goes_on;
  const auto room = kMostBytes - std::min(secret_.size(), kMostBytes);
  secret_ += std::exchange(between.text, {}).substr(0, room);
  const bool inside = says == Says::goes_on || says == Says::marker;
  matched_until_ = inside ? end : between.string_end;
  if (says == Says::was_last) return Life::over;
  if (!inside) return Life::goes_on;
  if (says == Says::marker) dashes_ = 1;
  escaped_ = false;
  between_.reset();
  return Life::goes_on;
}

void Candidate::finish(const StreamText& text) {
  text_ = &text;
  const auto waited = std::exchange(waits_, kNowhere);
  if (waited != kNowhere) match(waited);
}

} // namespace sluice::redact
