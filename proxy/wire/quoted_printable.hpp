// Quoted-printable (RFC 2045 §6.7), both ways, while it streams: so that redaction sees the text of
// a part that is sent so. What is no escape is taken as it stands, as mail readers do; a line end
// comes out as CRLF, which is what it means. Never fails, holds a few bytes.
// Tested by tests/unit/wire/quoted_printable_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::wire {

class QuotedPrintableDecoder {
 public:
  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);

 private:
  std::string kept_; // the beginning of an escape, or a CR
};

class QuotedPrintableEncoder { // lines of at most 76 characters
 public:
  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);

 private:
  void put(std::string_view unit, std::string& out);
  void put_kept(bool at_line_end, std::string& out);

  std::size_t column_ = 0;
  char kept_ = 0; // white space or CR: what follows decides how it is written
};

} // namespace sluice::wire
