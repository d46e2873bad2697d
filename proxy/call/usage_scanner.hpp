// What a model's answer says it cost: the tokens of OpenAI (chat, responses, legacy), Anthropic,
// Gemini and Ollama, in one JSON document, in events, in lines or in a list. Reads the numbers
// while the decoded text streams, in constant memory, and what it says does not depend on how the
// text was cut. Looks only where these formats have them, never at what a model or a tool wrote: a
// text that speaks of usage is a string or stands deeper. Changes nothing. Tested by
// tests/unit/call/usage_scanner_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::call {

class UsageScanner {
 public:
  // `events`: the answer comes piece by piece, each about a token.
  enum class Form : bool { whole, events };
  explicit UsageScanner(Form form) : form_(form) {}

  void feed(std::string_view text) noexcept;
  // Of all that was fed. What it says itself, when it is over; else at least one for each event.
  enum class Ended : bool { no, yes };
  std::uint64_t tokens(Ended ended) const noexcept;

 private:
  // The keys that matter, by the place where they do.
  enum class Key : std::uint8_t {
    other = 0,
    usage,    // of the answer, or of one of the next two
    message,  // Anthropic's message_start
    response, // of OpenAI's events
    usage_metadata,
    prompt, // what a number counts, from here on
    output,
    total,
  };
  static constexpr std::size_t kLevels = 3; // objects in which a key matters
  static constexpr std::size_t kLongestKey = 24;
  enum class In : std::uint8_t { nothing, string, escape, number };

  void take(char c) noexcept;
  void begin_value(char c) noexcept;
  void end_string() noexcept;
  void end_number() noexcept;
  void open(bool object) noexcept;
  void close() noexcept;
  void forget() noexcept; // what was open: it goes on elsewhere
  std::size_t level() const noexcept { return depth_ - (list_ ? 1 : 0); }
  bool key_expected() const noexcept;
  Key known(std::string_view key) const noexcept;
  std::uint64_t* counted_at() noexcept; // what the number that stands here counts; null: nothing

  Form form_;
  In in_ = In::nothing;
  bool list_ = false; // the outermost value is one
  std::size_t depth_ = 0;
  std::array<bool, kLevels + 1> objects_{}; // of the outer values: whether it is one
  std::array<Key, kLevels> keys_{};         // the last key of each
  bool key_seen_ = false, after_colon_ = false;
  std::array<char, kLongestKey> text_{}; // of a string that may be a key
  std::size_t text_size_ = 0;
  std::uint64_t number_ = 0;
  bool number_over_ = false; // what follows the digits is not counted
  std::uint64_t prompt_ = 0, output_ = 0, total_ = 0, events_ = 0;
  bool said_ = false;
};

} // namespace sluice::call
