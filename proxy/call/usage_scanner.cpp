#include "proxy/call/usage_scanner.hpp"

#include <algorithm>

namespace sluice::call {
namespace {

constexpr std::uint64_t kMostTokens = 1'000'000'000'000;

bool digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// How many signs of a string begin this text that do nothing in it.
std::size_t ordinary(std::string_view text) noexcept {
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"' && text[end] != '\\' && text[end] != '\n') ++end;
  return end;
}

} // namespace

void UsageScanner::feed(std::string_view text) noexcept {
  while (!text.empty()) {
    if (in_ == In::string) { // most of an answer
      const auto end = ordinary(text);
      const bool may_be_key = depth_ <= kLevels + 1;
      for (std::size_t i = 0; may_be_key && i < end && text_size_ <= kLongestKey; ++i) {
        if (text_size_ < kLongestKey) text_[text_size_] = text[i];
        ++text_size_; // one more than fits: too long
      }
      text.remove_prefix(end);
      if (text.empty()) return;
    }
    take(text.front());
    text.remove_prefix(1);
  }
}

void UsageScanner::take(char c) noexcept {
  switch (in_) {
  case In::escape:
    in_ = In::string;
    text_size_ = kLongestKey + 1; // no key of ours has one
    return;
  case In::string:
    if (c == '"') return end_string();
    if (c == '\\') in_ = In::escape;
    if (c == '\n') forget(); // no string has one: a line that was cut, and the next one begins
    return;
  case In::number:
    if (digit(c) && !number_over_) {
      number_ = std::min(kMostTokens, number_ * 10 + static_cast<std::uint64_t>(c - '0'));
      return;
    }
    if (digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-') {
      number_over_ = true;
      return;
    }
    end_number();
    break;
  case In::nothing: break;
  }
  begin_value(c);
}

void UsageScanner::begin_value(char c) noexcept {
  if (c == '{' || c == '[') return open(c == '{');
  if (depth_ == 0) return; // what stands around JSON in a stream of events
  if (c == '}' || c == ']') return close();
  if (c == '"') {
    in_ = In::string;
    text_size_ = 0;
  } else if (c == ':') { // one that no key stands before is of a line of events
    after_colon_ = after_colon_ || key_seen_;
    key_seen_ = false;
  } else if (c == ',') {
    after_colon_ = key_seen_ = false;
  } else if (digit(c) || c == '-') {
    in_ = In::number;
    number_ = digit(c) ? static_cast<std::uint64_t>(c - '0') : 0;
    number_over_ = c == '-';
  }
}

bool UsageScanner::key_expected() const noexcept {
  return depth_ > 0 && depth_ <= kLevels + (list_ ? 1 : 0) && objects_[depth_ - 1] && !after_colon_;
}

void UsageScanner::end_string() noexcept {
  in_ = In::nothing;
  if (!key_expected()) return;
  const bool fits = text_size_ <= kLongestKey;
  key_seen_ = true;
  keys_[level() - 1] = fits ? known({text_.data(), text_size_}) : Key::other;
}

UsageScanner::Key UsageScanner::known(std::string_view key) const noexcept {
  struct Row {
    std::string_view text;
    Key key;
  };
  static constexpr std::array kRows = {Row{"usage", Key::usage},
                                       Row{"message", Key::message},
                                       Row{"response", Key::response},
                                       Row{"usageMetadata", Key::usage_metadata},
                                       Row{"prompt_tokens", Key::prompt},
                                       Row{"input_tokens", Key::prompt},
                                       Row{"promptTokenCount", Key::prompt},
                                       Row{"prompt_eval_count", Key::prompt},
                                       Row{"completion_tokens", Key::output},
                                       Row{"output_tokens", Key::output},
                                       Row{"candidatesTokenCount", Key::output},
                                       Row{"eval_count", Key::output},
                                       Row{"total_tokens", Key::total},
                                       Row{"totalTokenCount", Key::total}};
  for (const Row& row : kRows) {
    if (row.text == key) return row.key;
  }
  return Key::other;
}

std::uint64_t* UsageScanner::counted_at() noexcept {
  const std::size_t at = level();
  if (at == 0 || at > kLevels || !objects_[depth_ - 1] || !after_colon_) return nullptr;
  const auto parent_ok = [this](std::size_t of) { // keys_[of] holds the object with the numbers
    return keys_[of] == Key::usage || keys_[of] == Key::usage_metadata;
  };
  const bool inside =
      (at == 1) || (at == 2 && parent_ok(0)) ||
      (at == 3 && parent_ok(1) && (keys_[0] == Key::message || keys_[0] == Key::response));
  if (!inside) return nullptr;
  switch (keys_[at - 1]) {
  case Key::prompt: return &prompt_;
  case Key::output: return &output_;
  case Key::total: return &total_;
  default: return nullptr;
  }
}

void UsageScanner::end_number() noexcept {
  in_ = In::nothing;
  if (auto* counted = counted_at()) {
    *counted = std::max(*counted, number_); // events say how many there are so far
    said_ = true;
  }
}

void UsageScanner::open(bool object) noexcept {
  if (depth_ == 0) list_ = !object;
  if (depth_ < objects_.size()) objects_[depth_] = object;
  ++depth_;
  after_colon_ = key_seen_ = false;
  if (level() > 0 && level() <= kLevels) keys_[level() - 1] = Key::other;
}

void UsageScanner::close() noexcept {
  const bool was_answer = level() == 1 && objects_[depth_ - 1];
  --depth_;
  after_colon_ = key_seen_ = false;
  if (was_answer) ++events_;
  if (depth_ == 0) list_ = false;
}

void UsageScanner::forget() noexcept {
  in_ = In::nothing;
  depth_ = 0;
  list_ = false;
  after_colon_ = key_seen_ = false;
}

std::uint64_t UsageScanner::tokens(Ended ended) const noexcept {
  const std::uint64_t said = std::max(total_, prompt_ + output_);
  if (form_ == Form::whole) return said;
  if (said_ && ended == Ended::yes) return said;
  return std::max(said, events_);
}

} // namespace sluice::call
