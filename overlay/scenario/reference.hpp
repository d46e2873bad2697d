// Where a reference of a manifest leads: relative paths and file URLs to the path of a file. Looks
// at text alone. Tested by tests/unit/overlay/resolve_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::overlay {

// Without ".", ".." and empty parts; nullopt when it leads above "/". Requires: absolute.
std::optional<std::string> normal_path(std::string_view path);
std::string folder_of(std::string_view path); // "/" of "/x"
bool is_below(std::string_view path, std::string_view folder) noexcept;

struct Located {
  std::string path; // "" when it is none
  std::string why, hint;
};
// From the folder of the manifest that says it.
Located locate(std::string_view reference, std::string_view folder);

} // namespace sluice::overlay
