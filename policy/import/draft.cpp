#include "policy/import/draft.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/document.hpp"
#include "policy/base/printable.hpp"
#include "policy/engine/snapshot.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::import {

void LossyList::add(const Reader& at, std::string what, std::string hint) {
  all_.push_back(
      {at.present() ? at.node()->line : 0, at.pointer(), std::move(what), std::move(hint)});
}

void LossyList::add_keys(Reader& map, std::initializer_list<std::string_view> keys,
                         std::string_view what, std::string_view hint) {
  for (const std::string_view key : keys) {
    const Reader written = map.at(key);
    if (written.present()) add(written, std::string(what), std::string(hint));
  }
}

std::vector<Lossy> LossyList::take() {
  std::stable_sort(all_.begin(), all_.end(), [](const Lossy& a, const Lossy& b) {
    return std::tie(a.line, a.pointer) < std::tie(b.line, b.pointer);
  });
  return std::move(all_);
}

std::string yaml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += "\\x" + to_hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string yaml_list(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const auto& one : elements) out += (out.size() > 1 ? ", " : "") + one;
  return out + ']';
}

std::string yaml_comment(std::string_view words, std::string_view indent) {
  return std::string(indent) + "# " + printable(words) + '\n';
}

std::string one_line(std::string_view text, std::size_t most) {
  std::string out = printable(text);
  if (out.size() <= most) return out;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
  out.resize(end);
  return out;
}

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void free_map(const Reader& at) {
  if (at.present() && !at.node()->is_map()) at.error("expected a map");
}

namespace {

// Whose fault it is, where the message alone does not say what to do.
void add_hints(Source source, Diagnostics& out) {
  for (auto& one : out) {
    if (!one.hint.empty()) continue;
    one.hint = source == Source::agentpaas ? "AgentPaaS refuses it, too: correct the original"
                                           : "correct the original";
  }
}

std::optional<Imported> read_and_write(Source source, std::string_view text,
                                       const std::string& file, Diagnostics& out) {
  const auto document = parse_document(text, file, out);
  if (!document) return std::nullopt;
  if (document->root.kind == Node::Kind::null) {
    Reader(*document, out).error("the document is empty");
    return std::nullopt;
  }
  auto imported =
      source == Source::agentpaas ? import_agentpaas(*document, out) : import_cavra(*document, out);
  if (has_errors(out)) return std::nullopt;
  // Ours to mend if it happens; a policy that does not load must not look like one that does.
  if (imported && !engine::load_policy_text(imported->policy, "imported").snapshot) {
    Reader(*document, out).error("the imported policy would not load", "this is a defect");
    return std::nullopt;
  }
  return imported;
}

} // namespace

std::optional<Imported> import_policy(Source source, std::string_view text, const std::string& file,
                                      Diagnostics& out) {
  auto imported = read_and_write(source, text, file, out);
  add_hints(source, out);
  return imported;
}

} // namespace sluice::import
