#include "policy/engine/snapshot.hpp"

#include "policy/base/document.hpp"
#include "policy/engine/canonical.hpp"
#include "policy/engine/parse.hpp"

#include <algorithm>
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

redact::RuleSetConfig redaction_of(const Snapshot& policy) {
  redact::RuleSetConfig out;
  const auto& settings = policy.redaction;
  out.placeholder = settings.placeholder;
  out.keep_length = settings.keep_length;
  for (const auto& one : settings.rules) out.rules.push_back(one.rule);
  const auto names_pii = [](const std::vector<std::string>& packs) {
    return std::find(packs.begin(), packs.end(), "pii") != packs.end();
  };
  out.pii = names_pii(policy.defaults.redact);
  for (const auto* rules : {&policy.egress, &policy.tcp}) {
    for (const Rule& rule : *rules) out.pii = out.pii || names_pii(rule.redact);
  }
  return out;
}

bool uses_tokens(const Snapshot& policy) {
  const auto& own = policy.redaction.rules;
  return std::any_of(own.begin(), own.end(),
                     [](const RedactionRule& one) {
                       return one.rule.action == redact::Action::tokenize;
                     }) ||
         std::any_of(policy.egress.begin(), policy.egress.end(),
                     [](const Rule& rule) { return !rule.restore.empty(); });
}

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
