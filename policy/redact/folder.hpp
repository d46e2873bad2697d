// Reads through disguises: writes a text as it means to who reads it, and remembers how each byte
// that differs was written. \u0061 and \/ of JSON (also escaped again), %61 of URLs (also %2561),
// &#97; and &lt; of HTML, one of them inside another (%5Cu0061, \u0026lt;), characters that look
// like ASCII beside ASCII, characters that look like nothing. Where somebody looks for them, signs
// beyond ASCII that are escaped (\u00fc, %C3%BC, &#252;) are read, too, as UTF-8. What it gives is
// a function of the bytes alone, however they are cut. Never loses a byte. Tested by
// tests/unit/redact/folder_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redact {

// The byte at this place of the folded stream was written like that; "" when it was written
// together with the one before.
struct Disguise {
  std::uint64_t at = 0;
  std::string written;
};

class Folder {
 public:
  enum class Ending { more_may_come, at_end };
  enum class Signs : bool { as_written, read }; // those beyond ASCII, where they are escaped
  explicit Folder(Signs signs = Signs::as_written) : signs_(signs) {}
  // Appends the folded bytes of `in` to `out`, whose first byte stands at `base` of the folded
  // stream; keeps at most kMostKept bytes that are not decided.
  void fold(std::string_view in, Ending ending, std::uint64_t base, std::string& out,
            std::vector<Disguise>& disguises);
  static constexpr std::size_t kMostKept = 256;
  std::string waiting() const { return invisible_ + kept_; } // taken, and not appended yet

 private:
  struct Unit { // small, because there is one for each escape
    enum class Kind : std::uint8_t { as_written, one_byte, sign, invisible, need_more };
    Unit(Kind k = Kind::as_written, std::size_t bytes = 1, char meant = 0,
         Kind at_the_end = Kind::as_written)
        : length(bytes), kind(k), otherwise(at_the_end), byte(meant) {}
    std::size_t length; // bytes as written
    unsigned point = 0; // of a sign
    Kind kind;
    Kind otherwise; // need_more, and no more comes
    char byte;
    std::uint8_t settled = 0; // so many signs after it are of one notation only
  };
  Unit unit_of(unsigned point, std::size_t length) const;
  Unit unit_at(std::string_view text, std::size_t at) const;
  Unit plain_unit_at(std::string_view text, std::size_t at) const; // of one notation
  Unit outer_unit_at(std::string_view text, std::size_t at, const Unit& first) const;
  Unit json_unit(std::string_view rest) const;
  static Unit low_surrogate(std::string_view rest, std::size_t backslashes);
  static Unit percent_at(std::string_view rest);
  Unit url_unit(std::string_view rest) const;
  Unit html_unit(std::string_view rest) const;
  Unit html_number(std::string_view rest) const;
  Unit utf8_unit(std::string_view text, std::size_t at) const;
  static bool is_plain(std::string_view text, std::size_t at);
  struct Taking { // of one text
    std::string_view text;
    std::uint64_t base;
    std::string& out;
    std::vector<Disguise>& disguises;
    std::size_t done = 0; // bytes that are written
    std::size_t next = 0; // no unit begins before
  };
  void take_unit(Taking& taking, std::size_t at, const Unit& unit);
  void append_sign(Taking& taking, unsigned point);
  void keep_as_written(Taking& taking, std::size_t until);
  std::size_t take(std::string_view text, Ending ending, std::uint64_t base, std::string& out,
                   std::vector<Disguise>& disguises);

  Signs signs_;
  std::string kept_;
  std::string invisible_; // seen, and waiting for the byte to go with
  char last_ = 0;         // byte as written before what comes next
  bool last_was_look_alike_ = false;
  std::size_t settled_ = 0; // signs to come that begin nothing in another notation
};

} // namespace sluice::redact
