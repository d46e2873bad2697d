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
  std::string block_end;          // what follows a match is part of it up to this; "" without
  bool operator==(const TokenFormat&) const = default;
};
using TokenFormats = std::vector<std::shared_ptr<const TokenFormat>>;

// Of a document with a list `formats`. Wrong entries are reported and left out. Keys that are only
// for people and tests (source, finds, leaves) are accepted.
TokenFormats parse_formats(const Document& document, Diagnostics& out);

} // namespace sluice::redact
