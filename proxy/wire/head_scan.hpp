// The raw half of the smuggling gate: reads the bytes of a head or a trailer section as they
// arrive, before any parser does, and refuses at the first byte that two readers could take in two
// ways (bare LF, bare CR, control bytes, obs-fold, white space before a colon, odd start lines).
// Looks at each byte once, and strictly in order, so that the answer does not depend on how the
// bytes were cut. Never waits for more when the bytes there are already wrong.
// Tested by tests/unit/wire/head_scan_test.cpp and tests/vectors/http1.
#pragma once

#include "proxy/wire/http1.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::wire {

enum class Section : std::uint8_t { request_head, response_head, trailers };

class HeadScan {
 public:
  enum class Progress : std::uint8_t { need_more, complete, refused };

  HeadScan(Section section, const Limits& limits);

  // `bytes` starts with what earlier calls were given. Complete: the first size() bytes are the
  // section with its empty line.
  Progress scan(std::string_view bytes);
  std::size_t size() const noexcept { return position_; }
  std::size_t field_count() const noexcept { return field_count_; }
  const ProtocolError& error() const noexcept { return *error_; } // Requires: refused
  void restart();                                                 // for the next section

 private:
  using Verdict = std::optional<ProtocolError>;
  Verdict check_line(std::string_view line);
  Verdict check_request_line(std::string_view line) const;
  Verdict check_status_line(std::string_view line) const;
  Verdict check_field_line(std::string_view line);
  Progress refuse(ProtocolError error);

  Section section_;
  std::size_t byte_limit_, field_limit_, target_limit_;
  std::size_t position_ = 0;   // first byte not judged yet
  std::size_t line_start_ = 0; // of the line that position_ is in
  std::size_t field_count_ = 0;
  bool start_line_done_ = false;
  std::optional<ProtocolError> error_;
};

// Adds the fields of a complete trailer section, which scan() has accepted.
void append_fields(std::string_view section, Fields& out);

} // namespace sluice::wire
