#include "policy/engine/snapshot.hpp"

#include "policy/base/document.hpp"
#include "policy/base/read_below.hpp"
#include "policy/base/unique_fd.hpp"
#include "policy/engine/canonical.hpp"
#include "policy/engine/inherit.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>

namespace sluice::engine {
namespace {

PolicyLoad compile_policy(std::optional<Document> document, const ReadParent& read,
                          Diagnostics diagnostics) {
  PolicyLoad out;
  out.diagnostics = std::move(diagnostics);
  if (!document) return out;
  auto files = read_family(std::move(*document), read, out.diagnostics);
  for (const auto& file : files) {
    if (!file.name.empty()) out.parents.push_back(file.name);
  }
  if (has_errors(out.diagnostics)) return out;
  auto snapshot = std::make_shared<Snapshot>();
  ParseContext shared;
  shared.files = &files;
  for (shared.file = 0; shared.file < files.size(); ++shared.file) {
    auto& file = files[shared.file];
    parse_policy(Reader(file.document, out.diagnostics), file, *snapshot, shared);
    if (!has_errors(out.diagnostics)) check_ceiling(shared, *snapshot);
  }
  shared.file = files.size() - 1;
  finish_policy(Reader(files.back().document, out.diagnostics), *snapshot, shared);
  if (has_errors(out.diagnostics)) return out;
  lint_policy(shared, *snapshot);
  seal(*snapshot);
  out.snapshot = std::move(snapshot);
  out.overrides = std::move(shared.overrides);
  return out;
}

// Below the policy's own folder, which is not looked for again.
ReadParent parents_beside(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto folder = slash == std::string::npos ? std::string(".") : path.substr(0, slash + 1);
  const auto fd =
      std::make_shared<UniqueFd>(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return [fd](const std::string& name) {
    return read_below(fd->get(), name, kMaxDocumentBytes, Links::inside);
  };
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
  // Whoever is asked outside may add the pack to any call.
  policy.each_rule(
      [&](const Rule& rule) { out.pii = out.pii || rule.ask || names_pii(rule.redact); });
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
  auto document = load_document(path, diagnostics);
  return compile_policy(std::move(document), parents_beside(path), std::move(diagnostics));
}

PolicyLoad load_policy_text(std::string_view text, const std::string& file_name,
                            const ReadParent& read) {
  Diagnostics diagnostics;
  auto document = parse_document(text, file_name, diagnostics);
  return compile_policy(std::move(document), read, std::move(diagnostics));
}

Schema policy_schema() {
  Schema out;
  SchemaNode asked;
  auto document = parse_document(kCompletePolicy, "complete_policy.yaml", out.problems);
  if (document) document->asked = &asked;
  const auto parent = [](const std::string&) {
    return Result<std::string>("{version: 1, metadata: {children: free}}");
  };
  auto load = compile_policy(std::move(document), parent, std::move(out.problems));
  out = asked.schema("urn:sluice:schema:policy:1", "policy.yaml");
  out.problems = std::move(load.diagnostics);
  return out;
}

} // namespace sluice::engine
