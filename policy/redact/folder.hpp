// Reads through disguises: writes a text as it means to who reads it, and remembers how each byte
// that differs was written. \u0061 and \/ of JSON (also escaped again), %61 of URLs (also %2561),
// &#97; and &lt; of HTML, one of them inside another (%5Cu0061, \u0026lt;), characters that look
// like ASCII beside ASCII, characters that look like nothing. What it gives is a function of the
// bytes alone, however they are cut. Never loses a byte. Tested by
// tests/unit/redact/folder_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redact {

// The byte at this place of the folded stream was written like that.
struct Disguise {
  std::uint64_t at = 0;
  std::string written;
};

class Folder {
 public:
  enum class Ending { more_may_come, at_end };
  // Appends the folded bytes of `in` to `out`, whose first byte stands at `base` of the folded
  // stream; keeps at most kMostKept bytes that are not decided.
  void fold(std::string_view in, Ending ending, std::uint64_t base, std::string& out,
            std::vector<Disguise>& disguises);
  static constexpr std::size_t kMostKept = 256;
  std::string waiting() const { return invisible_ + kept_; } // taken, and not appended yet

 private:
  struct Unit {
    enum class Kind : std::uint8_t { as_written, one_byte, invisible, need_more };
    Kind kind = Kind::as_written;
    std::size_t length = 1; // bytes as written
    char byte = 0;
    bool else_one_byte = false; // need_more, and when no more comes it is one_byte
    std::size_t settled = 0;    // so many signs after it are of one notation only
  };
  Unit unit_at(std::string_view text, std::size_t at) const;
  Unit plain_unit_at(std::string_view text, std::size_t at) const; // of one notation
  Unit outer_unit_at(std::string_view text, std::size_t at, const Unit& first) const;
  static Unit json_unit(std::string_view rest);
  static Unit percent_at(std::string_view rest);
  static Unit url_unit(std::string_view rest);
  static Unit html_unit(std::string_view rest);
  static Unit html_number(std::string_view rest);
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
  void keep_as_written(Taking& taking, std::size_t until);
  std::size_t take(std::string_view text, Ending ending, std::uint64_t base, std::string& out,
                   std::vector<Disguise>& disguises);

  std::string kept_;
  std::string invisible_; // seen, and waiting for the byte to go with
  char last_ = 0;         // byte as written before what comes next
  bool last_was_look_alike_ = false;
  std::size_t settled_ = 0; // signs to come that begin nothing in another notation
};

} // namespace sluice::redact
