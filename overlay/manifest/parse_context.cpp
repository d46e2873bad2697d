#include "overlay/manifest/parse_context.hpp"

#include "policy/base/scalar.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::overlay {
namespace {

constexpr std::size_t kMaxReports = 100; // per phase: a foreign file is not 300,000 problems
constexpr std::size_t kMaxName = 40;

// Whether it stays in the folder it is read from.
bool stays_inside(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos)
    return false;
  while (!name.empty()) {
    const auto slash = name.find('/');
    if (name.substr(0, slash) == "..") return false;
    name = slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
  }
  return true;
}

bool is_text(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = bytes[at] == '\0' ? 0 : utf8_length(bytes, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

} // namespace

std::string quoted_name(std::string_view name) {
  if (name.size() <= kMaxName) return '"' + std::string(name) + '"';
  return '"' + std::string(name.substr(0, kMaxName)) + "…\"";
}

void ParseContext::add(Phase phase, Diagnostic::Level level, Place place, std::string pointer,
                       std::string_view code, std::string message, std::string hint) {
  if (of(phase).size() >= kMaxReports) return;
  of(phase).push_back({level, document_.file, place.line, place.column, std::move(pointer),
                       std::move(message), std::move(hint), "manifest::" + std::string(code)});
}

void ParseContext::error(Phase phase, std::string pointer, std::string_view code,
                         std::string message, std::string hint) {
  if (of(phase).size() >= kMaxReports) return; // before the place is looked for
  const Place place = place_of(document_, pointer);
  add(phase, Diagnostic::Level::error, place, std::move(pointer), code, std::move(message),
      std::move(hint));
}

void ParseContext::error_at_key(Phase phase, std::string pointer, std::string_view code,
                                std::string message, std::string hint) {
  if (of(phase).size() >= kMaxReports) return;
  const Place place = place_of_key(document_, pointer);
  add(phase, Diagnostic::Level::error, place, std::move(pointer), code, std::move(message),
      std::move(hint));
}

void ParseContext::warning(std::string pointer, std::string_view code, std::string message,
                           std::string hint) {
  if (of(Phase::lint).size() >= kMaxReports) return;
  const Place place = place_of_key(document_, pointer);
  add(Phase::lint, Diagnostic::Level::warning, place, std::move(pointer), code, std::move(message),
      std::move(hint));
}

void ParseContext::error(Phase phase, const std::string& pointer, const TemplateFault& fault) {
  constexpr std::string_view kPrefix = "manifest::";
  error(phase, pointer, std::string_view(fault.code).substr(kPrefix.size()),
        quote_ == Quote::nothing ? unquoted_message(fault) : fault.message, fault.hint);
}

Diagnostics ParseContext::take() {
  Diagnostics out;
  for (Diagnostics& phase : found_) {
    for (Diagnostic& one : phase) {
      if (one.code.empty()) one.code = "manifest::validation_error";
    }
    std::move(phase.begin(), phase.end(), std::back_inserter(out));
    phase.clear();
  }
  return out;
}

std::optional<std::string> ParseContext::text(Reader& at) {
  const Node* node = at.node();
  const bool empty = node != nullptr && node->kind == Node::Kind::string && node->text.empty();
  return empty ? std::optional<std::string>("") : at.string();
}

std::optional<std::string> ParseContext::checked_sidecar(const std::string& pointer,
                                                         const std::string& name) {
  const auto refuse = [&](std::string message, std::string hint = {}) {
    error(Phase::files, pointer, "program_file_reference", std::move(message), std::move(hint));
    return std::nullopt;
  };
  if (!stays_inside(name)) {
    return refuse("the file is not in the manifest's folder", "no absolute path, no \"..\"");
  }
  if (read_file_ == nullptr) return refuse("the manifest has no folder to read a file from");
  const auto bytes = read_file_(name);
  if (!bytes) return refuse("the file cannot be read: " + bytes.error().detail);
  if (bytes.value().size() > kMaxSidecarBytes) return refuse("the file is larger than 1 MiB");
  sidecar_bytes_ += bytes.value().size();
  if (sidecar_bytes_ > kMaxSidecarTotal) return refuse("the files are larger than 8 MiB together");
  if (!is_text(bytes.value())) return refuse("the file is not UTF-8 text");
  return bytes.value();
}

std::optional<std::string> ParseContext::sidecar(Reader& at) {
  Reader file = at.required("file");
  const auto name = file.string();
  at.finish();
  if (!name) return std::nullopt;
  return checked_sidecar(file.pointer(), *name);
}

std::optional<std::string> ParseContext::inline_text(Reader& at) {
  return at.present() && at.node()->is_map() ? sidecar(at) : text(at);
}

std::optional<Template> ParseContext::inline_template(Reader& at) {
  const auto written = inline_text(at);
  if (!written) return std::nullopt;
  TemplateFault fault;
  auto out = parse_program_string(*written, fault);
  if (!out) error(Phase::shape, at.pointer(), fault);
  return out;
}

std::optional<Template> ParseContext::program_template(Reader& at) {
  const auto written = text(at);
  if (!written) return std::nullopt;
  TemplateFault fault;
  auto out = parse_program_string(*written, fault);
  if (!out) error(Phase::shape, at.pointer(), fault);
  return out;
}

bool ParseContext::check_name(Phase phase, const std::string& pointer, std::string_view kind,
                              std::string_view name) {
  // A name that is part of a moniker must not look like two, or like none.
  const bool in_moniker = kind == "child" || kind == "use";
  const bool dots = name.find('.') != std::string_view::npos;
  const bool slashes = in_moniker && (name.empty() || name.find('/') != std::string_view::npos);
  if (!dots && !slashes) return true;
  error_at_key(phase, pointer, "invalid_name",
               quoted_name(name) + " is no name of a " + std::string(kind),
               dots ? "names hold no dot" : "these names are not empty and hold no slash");
  return false;
}

} // namespace sluice::overlay
