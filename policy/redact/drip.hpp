// Notices a known secret that leaves in pieces: over the fields of one request, or dripped over the
// requests of a run. Redaction masks a secret that is whole; here pieces of kDripPiece bytes and
// more are remembered, and once they make up half of the secret the request is over the budget, and
// so is each later one that has a piece. Pieces that are shorter, or encoded, are not seen. Only
// values without inner structure are watched, since parts of others (a JWT's head, the server of a
// connection string, indentation) stand in many a text. Never
// keeps the bytes of a text. Tested by tests/unit/redact/drip_test.cpp.
#pragma once

#include "policy/redact/rule_set.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

class NeedleSet;
struct Needle;

inline constexpr std::size_t kDripPiece = 8;
// A secret with fewer bytes is not watched, nor is one with more.
inline constexpr std::size_t kDripLeast = 16, kDripMost = 512;

// For one run; shared by all threads.
class DripWatch {
 public:
  explicit DripWatch(const std::vector<KnownSecret>& known);
  ~DripWatch();
  DripWatch(const DripWatch&) = delete;
  DripWatch& operator=(const DripWatch&) = delete;
  bool empty() const noexcept { return watched_.empty(); }
  // What left before a policy was loaded again has left: of the secrets that are still the same.
  void take_over(const DripWatch& before);

 private:
  friend class DripMeter;
  struct Watched {
    std::string rule;   // "secret:<id>"
    std::string digest; // of the value
    std::size_t size = 0;
    std::size_t words = 0;
    // A bit for each place of the secret at which a piece began that was sent.
    std::unique_ptr<std::atomic<std::uint64_t>[]> sent;
  };
  struct Piece {
    std::uint32_t watched, at;
  };
  void watch(std::string rule, std::string_view value, std::vector<Needle>& needles);
  // Whether half of it has left, this piece included.
  bool send(const Piece& piece);
  std::size_t bytes_sent(const Watched& watched) const;

  std::vector<Watched> watched_;
  std::vector<Piece> places_; // by Needle::rule
  std::unique_ptr<const NeedleSet> pieces_;
};

// One request. What is fed is what leaves, redacted already.
class DripMeter {
 public:
  explicit DripMeter(std::shared_ptr<DripWatch> watch) : watch_(std::move(watch)) {}

  void feed(std::string_view text);
  void end_text() { tail_.clear(); } // what comes next does not continue what was fed
  // The rule of a secret of which too much has left with this request.
  const std::optional<std::string>& over() const noexcept { return over_; }

 private:
  void look(std::string_view text);

  std::shared_ptr<DripWatch> watch_;
  std::string tail_; // fewer bytes than a piece has
  std::optional<std::string> over_;
};

} // namespace sluice::redact
