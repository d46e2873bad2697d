// One thing wrong with an input file, where it is, and what to do about it. Loaders collect all
// of them instead of stopping at the first. Never quotes a secret.
// Tested by tests/unit/base/diagnostic_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct Diagnostic {
  enum class Level { error, warning };
  Level level = Level::error;
  std::string file;
  int line = 0;        // from 1; 0 when unknown
  int column = 0;      // from 1
  std::string pointer; // RFC 6901, "" is the document
  std::string message;
  std::string hint;      // "" when there is none
  std::string code = {}; // stable, e.g. "manifest::invalid_name"; "" when it has none
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& all);
std::string format(const Diagnostic& one);  // file:line:col: /pointer: message (hint) [code]
std::string format(const Diagnostics& all); // one per line
// A key as one token of a JSON pointer: '~' and '/' escaped (RFC 6901 §3).
std::string pointer_token(std::string_view key);

} // namespace sluice
