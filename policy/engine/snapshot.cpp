#include "policy/engine/snapshot.hpp"

#include "policy/base/document.hpp"
#include "policy/engine/canonical.hpp"
#include "policy/engine/parse.hpp"

#include <utility>

namespace sluice::engine {
namespace {

PolicyLoad compile(const std::optional<Document>& document, Diagnostics diagnostics) {
  PolicyLoad out;
  out.diagnostics = std::move(diagnostics);
  if (!document) return out;
  auto snapshot = std::make_shared<Snapshot>();
  parse_policy(Reader(*document, out.diagnostics), *snapshot);
  if (has_errors(out.diagnostics)) return out;
  lint_policy(Reader(*document, out.diagnostics), *snapshot);
  seal(*snapshot);
  out.snapshot = std::move(snapshot);
  return out;
}

} // namespace

PolicyLoad load_policy_file(const std::string& path) {
  Diagnostics diagnostics;
  const auto document = load_document(path, diagnostics);
  return compile(document, std::move(diagnostics));
}

PolicyLoad load_policy_text(std::string_view text, const std::string& file_name) {
  Diagnostics diagnostics;
  const auto document = parse_document(text, file_name, diagnostics);
  return compile(document, std::move(diagnostics));
}

} // namespace sluice::engine
