// What `sluice init` writes: a commented sluice.yaml, and one of the policies to begin with. Their
// text is that of the files in starters/, taken up by the build. Each loads without an error and
// decides what the cases beside it expect. Tested by tests/e2e/test_starters.py.
#pragma once

#include <string_view>
#include <vector>

namespace sluice::cli {

struct StarterPolicy {
  std::string_view name; // of its file
  std::string_view text;
};

extern const std::string_view kStarterConfig;
inline constexpr const char* kUsualStarter = "starter";
const std::vector<StarterPolicy>& starter_policies();

} // namespace sluice::cli
