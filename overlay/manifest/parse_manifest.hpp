// A document as a Manifest: syntax, version gates, names and references within the file, the order
// of checks as Amber has it. Every problem is reported, and each that Amber names bears its code;
// Reader's own are manifest::validation_error. Reads no file but through `read_file`, and asks that
// only for names that stay in the manifest's folder.
// Tested by tests/unit/overlay/parse_manifest_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"
#include "policy/base/result.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::overlay {

inline constexpr std::size_t kMaxSidecarBytes = 1U << 20; // of one {file: …}
inline constexpr std::size_t kMaxSidecarTotal = 8U << 20; // of all in one manifest

// The bytes of a file in the manifest's folder; at most kMaxSidecarBytes and one more are of use.
// An error's detail is shown. Empty: there is no folder, so that every {file: …} is a problem.
using ReadFile = std::function<Result<std::string>(const std::string& relative)>;

// nullopt exactly when an error was added; warnings may be added in any case.
std::optional<Manifest> parse_manifest(Document document, const ReadFile& read_file,
                                       Diagnostics& out);
// JSON5 text to Manifest.
std::optional<Manifest> parse_manifest(std::string_view text, std::string file,
                                       const ReadFile& read_file, Diagnostics& out);

} // namespace sluice::overlay
