// A private key as a list of strings of JSON, line by line, as notebooks and some settings have it:
// whether a block goes on in the next string. It does when only base64, a header ("Proc-Type: …")
// or the end marker stands there up to an escaped line end, to the end of the string, or for
// kLongLine bytes; and the string is an element of a list, not the name of a member. What is masked
// ends inside a string or where one ends, so that the document stays one. Never says yes to a text
// that would have to be held longer than kMostHeld. Private to policy/redact. Tested by
// tests/unit/redact/string_list_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::redact {

class StringList {
 public:
  // Begins behind a quote that ends a string of the block. `marker` outlives it.
  explicit StringList(std::string_view marker) : marker_(marker) {}

  enum class Says : std::uint8_t {
    undecided,
    ends_string, // this is the closing quote, and undecided
    was_key,     // all of the string; undecided is what begins at its closing quote
    was_last,    // all of the string, and no other one follows
    goes_on,     // all so far is of the block, and so is what follows in this string
    marker,      // goes_on, and this was the end of the marker
    over         // what was undecided is none of the block
  };
  Says read(char c);

  static constexpr std::size_t kMostSpace = 64; // before a comma, before a quote
  static constexpr std::size_t kLongLine = 128;
  static constexpr std::size_t kMostHeld = 3 * kMostSpace + kLongLine + 8;

 private:
  enum class At : std::uint8_t { comma, quote, text, escape, next };
  enum class Header : std::uint8_t { name, colon, value, none };
  Says read_space(char c);
  Says read_text(char c);
  bool may_end() const noexcept { return size_ == 0 || base64_ || header_ == Header::value; }
  void read_header(char c) noexcept;

  std::string_view marker_;
  At at_ = At::comma;
  std::size_t spaces_ = 0;
  // of the string
  std::size_t size_ = 0;
  bool base64_ = true, is_marker_ = true; // so far
  Header header_ = Header::name;
};

} // namespace sluice::redact
