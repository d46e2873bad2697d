// Redaction written a second time, naively, over a whole text: every format is tried by RE2 at
// every place in every coding, every form of a known secret is compared at every place, and the
// union is masked. Shares with the engine only the folder, the list of a secret's forms, and the
// anchors, each of which has its own test.
#pragma once

#include "policy/redact/folder.hpp"
#include "policy/redact/shape.hpp"

#include "tests/support/pack_samples.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

struct OracleResult {
  std::string placeholders, stars;
  std::set<std::string> rules;                // of formats that match somewhere
  std::map<std::string, std::uint64_t> known; // known secrets, and how often
};

class Oracle {
 public:
  Oracle(const std::vector<PackFormat>& formats, const std::vector<std::string>& known);
  OracleResult redact(const std::string& text) const;

 private:
  struct Format {
    PackFormat about;
    redact::Shape shape;
    std::unique_ptr<RE2> exact, longest;
    std::string least, most; // no match is outside
  };
  struct Span {
    std::size_t begin = 0, end = 0, rank = 0, rule = 0;
  };
  // Bytes as some coding says, and where each stands in the text.
  struct Decoded {
    std::string_view text;
    std::string bytes;
    std::vector<std::size_t> begin, end;
    std::vector<bool> ends_line; // a line end stands before the next byte is whole
  };
  struct Match {
    std::size_t begin = 0, end = 0; // of the secret, in decoded bytes
  };

  // What a secret must show: a text without it is taken for an ordinary name.
  enum class Shows { anything, mixed_beginning, mixed_run, digit_run };
  static Shows wanted_of(const Format& format, std::string_view anchor, bool plain);
  static bool shows(Shows wanted, std::string_view secret);

  static Decoded from_hex(std::string_view text, std::size_t at);
  static Decoded from_base64(std::string_view text, std::size_t at, unsigned lead_bits);
  const redact::Shape::Anchor* anchor_of(const Format& format, std::string_view bytes) const;
  bool match(const Format& format, const Decoded& decoded, std::size_t anchor, Shows wanted,
             Match& out) const;
  static std::size_t block_end(std::string_view block, const std::string& marker,
                               const std::string& anchor);
  static std::size_t next_string(std::string_view block, std::size_t& at, const std::string& marker,
                                 const std::string& anchor);
  void try_plain(std::string_view text, std::size_t at, std::vector<Span>& out) const;
  void try_coded(std::string_view text, std::size_t at, std::vector<Span>& out) const;
  void add(const Format& format, const Decoded& decoded, std::size_t anchor, Shows wanted,
           std::vector<Span>& out) const;
  void find_known(std::string_view text, std::vector<Span>& out, OracleResult& result) const;

  std::vector<Format> formats_;
  std::vector<std::vector<std::string>> forms_, base64_forms_; // of each known secret
  std::vector<std::string> hex_forms_;                         // of these, in any case
};

} // namespace sluice::test
