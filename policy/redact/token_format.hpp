// A token format as a pack or a user writes it: a shape and what else must hold. Loading reports
// every problem with its place. Never built from data that has not been checked here.
// Tested by tests/unit/redact/packs_test.cpp.
#pragma once

#include "policy/base/document.hpp"
#include "policy/redact/shape.hpp"
#include "policy/redact/token_checks.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::redact {

struct TokenFormat {
  std::string id;
  std::string title;
  Shape shape;
  double entropy = 0; // least, of the first bytes that make a match, in bits per byte
  TokenCheck check = TokenCheck::none;
  bool starts_at_boundary = true; // the byte before is not of [A-Za-z0-9_]
  bool ends_at_boundary = false;  // the byte after is not, and only then is it a match
  bool without_digit = false;     // a value that its name makes a secret may have none
  std::string block_end;          // what follows a match is part of it up to this; "" without
  // Found by its first byte, as personal data and the rules of a policy are: it needs no anchor,
  // and all of it is masked but what a secret group or a visible beginning leaves.
  bool opening = false;
  Shape::Anchor visible = {}; // of an opening: this much of it is public
  std::size_t max_length = 0; // bytes after which a match must be whole; 0: the shape bounds it

  // Whether each end is judged by itself: a number with a check digit is one, or is none, while the
  // first bytes of a token tell of all of it.
  bool checks_each_end() const noexcept {
    return check == TokenCheck::luhn || check == TokenCheck::mod97;
  }
  std::size_t most_held() const; // bytes of it that may wait for a decision
  bool operator==(const TokenFormat&) const = default;
};
using TokenFormats = std::vector<std::shared_ptr<const TokenFormat>>;

// Of a document with a list `formats`. Wrong entries are reported and left out. Keys that are only
// for people and tests (source, finds, leaves) are accepted.
enum class Beginnings : bool { anchored, open };
TokenFormats parse_formats(const Document& document, Diagnostics& out,
                           Beginnings beginnings = Beginnings::anchored);

} // namespace sluice::redact
