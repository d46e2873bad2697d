// What the parsers of a manifest's parts share, also with those of a plan (plan/decode.cpp): where
// they report, in which order it comes out, and how strings are read. Nobody else's. Tested by
// tests/unit/overlay/parse_manifest_test.cpp.
#pragma once

#include "overlay/manifest/parse_manifest.hpp"
#include "policy/base/reader.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::overlay {

// Amber stops at the first problem; we report all, in the order in which it would meet them.
enum class Phase : std::uint8_t {
  shape,
  version,
  files,
  program_version,
  overlay_version,
  config_schema,
  references,
  use_names,
  environment_names,
  overlay_refs,
  overlay_uses,
  rest,
  lint,
  count,
};

class ParseContext {
 public:
  ParseContext(const Document& document, const ReadFile& read_file,
               Quote quote = Quote::short_words) noexcept
      : document_(document), read_file_(read_file), quote_(quote) {}

  Reader root() { return Reader(document_, of(Phase::shape), quote_); }

  // The code without "manifest::". Where `pointer` points; `at_key`: where its key is.
  void error(Phase phase, std::string pointer, std::string_view code, std::string message,
             std::string hint = {});
  void error_at_key(Phase phase, std::string pointer, std::string_view code, std::string message,
                    std::string hint = {});
  void warning(std::string pointer, std::string_view code, std::string message,
               std::string hint = {});
  void error(Phase phase, const std::string& pointer, const TemplateFault& fault);
  Diagnostics take(); // in order

  // A string, also an empty one.
  std::optional<std::string> text(Reader& at);
  // A string or {file: …}, and taken apart.
  std::optional<std::string> inline_text(Reader& at);
  std::optional<Template> inline_template(Reader& at);
  std::optional<Template> program_template(Reader& at); // no {file: …}
  // Whether the name may stand; `kind` for the message.
  bool check_name(Phase phase, const std::string& pointer, std::string_view kind,
                  std::string_view name);

  Version version{0, 4, 0}; // while it is not known, no gate is closed

 private:
  Diagnostics& of(Phase phase) { return found_[static_cast<std::size_t>(phase)]; }
  void add(Phase phase, Diagnostic::Level level, Place place, std::string pointer,
           std::string_view code, std::string message, std::string hint);
  std::optional<std::string> sidecar(Reader& at);
  std::optional<std::string> checked_sidecar(const std::string& pointer, const std::string& name);

  const Document& document_;
  const ReadFile& read_file_;
  Quote quote_;
  std::array<Diagnostics, static_cast<std::size_t>(Phase::count)> found_;
  std::size_t sidecar_bytes_ = 0;
};

std::string quoted_name(std::string_view name); // shortened

// In which form a program is written: as people do, or as it stands in requests and plans, with
// mounts by kind and without files and conditions on endpoints.
enum class ProgramText : std::uint8_t { manifest, lowered };
std::optional<Program> parse_program(Reader at, ParseContext& context, Manifest& out,
                                     ProgramText text = ProgramText::manifest);
void parse_components(Reader& root, ParseContext& context, Manifest& out); // and use
void parse_slots(Reader slots, ParseContext& context, Manifest& out);
void parse_provides(Reader provides, ParseContext& context, Manifest& out);
void parse_resources(Reader resources, ParseContext& context, Manifest& out);
// All of them, and child_templates.
void parse_capabilities(Reader& root, ParseContext& context, Manifest& out);
void parse_wiring(Reader& root, ParseContext& context,
                  Manifest& out); // bindings, exports, overlays
// What only the whole manifest tells.
void check_manifest(ParseContext& context, Manifest& manifest);
void lint_manifest(ParseContext& context, const Manifest& manifest);

} // namespace sluice::overlay
