// The tokens of JSON5: white space, comments, strings, identifiers and numbers, one at a time, with
// the place of each. Knows nothing of objects and lists. After the first fault nothing more is
// read. Tested by tests/unit/overlay/json5_test.cpp.
#pragma once

#include "policy/base/document.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::overlay {

class Json5Scanner {
 public:
  struct Fault {
    std::size_t offset = 0;
    std::string message; // "": none
    std::string hint;
  };

  explicit Json5Scanner(std::string_view text) noexcept : text_(text) {}

  // Each is false when there is a fault, old or new.
  bool skip_blanks();                                    // white space and comments
  bool string(std::string& out);                         // at a quote
  bool identifier(std::string& out);                     // an unquoted key; escapes are resolved
  bool number(Node& out);                                // at a digit, a sign or a dot
  bool fail(std::string message, std::string hint = {}); // here; always false
  bool fail_at(std::size_t offset, std::string message, std::string hint = {});

  bool at_end() const noexcept { return at_ >= text_.size(); }
  char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
  void take() noexcept { ++at_; } // a character that is not a line's end
  bool at_identifier() const noexcept;
  std::size_t offset() const noexcept { return at_; }
  std::string_view rest() const noexcept { return text_.substr(at_); }
  const Fault& fault() const noexcept { return fault_; }

 private:
  char32_t code_point(std::size_t& length) const noexcept; // at_; the text is UTF-8
  bool block_comment();
  void line_comment();
  bool escape(std::string& out);
  bool unicode_escape(std::string& out, bool for_identifier, bool first);
  bool hex_digits(std::size_t count, char32_t& out);
  bool integer(std::string_view digits, int base, bool negative, Node& out);
  bool real(std::string_view digits, bool negative, Node& out);
  std::string_view decimal();

  std::string_view text_;
  std::size_t at_ = 0;
  Fault fault_;
};

} // namespace sluice::overlay
