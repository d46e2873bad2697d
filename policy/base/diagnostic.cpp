#include "policy/base/diagnostic.hpp"

#include "policy/base/printable.hpp"

#include <algorithm>

namespace sluice {
bool has_errors(const Diagnostics& all) {
  return std::any_of(all.begin(), all.end(),
                     [](const Diagnostic& d) { return d.level == Diagnostic::Level::error; });
}

std::string format(const Diagnostic& one) {
  std::string out = one.file;
  if (one.line > 0) {
    out += ':' + std::to_string(one.line);
    if (one.column > 0) out += ':' + std::to_string(one.column);
  }
  if (!out.empty()) out += ": ";
  if (one.level == Diagnostic::Level::warning) out += "warning: ";
  if (!one.pointer.empty()) out += one.pointer + ": ";
  out += one.message;
  if (!one.hint.empty()) out += " (" + one.hint + ')';
  if (!one.code.empty()) out += " [" + one.code + ']';
  return printable(out);
}

std::string format(const Diagnostics& all) {
  std::string out;
  for (const Diagnostic& one : all) out += format(one) + '\n';
  return out;
}

std::string pointer_token(std::string_view key) {
  std::string out;
  out.reserve(key.size());
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

} // namespace sluice
