// The folder of a compose project on the disk. Its record says which files are ours: those are
// replaced, and removed when they are not made any more; nothing else is touched, and a folder that
// is somebody else's is refused. A secret that is there already stays.
// Tested by tests/e2e/test_overlay_compose.py.
#pragma once

#include "overlay/compose/compose_project.hpp"
#include "policy/base/result.hpp"

#include <string>
#include <vector>

namespace sluice::cli {

inline constexpr const char* kComposeRecord = ".sluice-compose.json";

enum class Foreign : bool { refuse, accept };

// The files that are there now, by name. Fails (config) "folder_taken", "record_broken" or
// "file_unwritable"; what was there then still belongs to the same scenario or is there anew.
Result<std::vector<std::string>> write_compose_folder(const std::string& folder,
                                                      const overlay::ComposeProject& project,
                                                      Foreign foreign);

} // namespace sluice::cli
