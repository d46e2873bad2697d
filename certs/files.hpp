// Files written so that nobody can read them too early, find half of one, or be tricked into
// following a link. Never overwrites in place. Tested by tests/unit/certs/authority_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace sluice::certs {

// Fails (config, "file_exists" or "file_unwritable"); then nothing of the file is left. `mode`
// holds from the first moment and does not depend on the umask.
Result<> write_new_file(const std::string& path, std::string_view content, mode_t mode);
// A reader sees the old file or the new one, never half of one.
Result<> replace_file(const std::string& path, std::string_view content, mode_t mode);

} // namespace sluice::certs
