// The key `urls` of a reverse listener of sluice.yaml: which addresses are put in the place of
// others, and what becomes of signed agent cards. Part of config.hpp, which is what everybody else
// asks. A key is read at the start, never with the configuration. Tested by
// tests/socket/config_urls_test.cpp.
#pragma once

#include "policy/base/reader.hpp"
#include "proxy/io/settings.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::runtime {

void read_urls(Reader at, const std::filesystem::path& folder, io::ListenerSettings& listener);

// Each key of `card_key`, for its listener's rules. Fails (config, "key_invalid" or
// "key_unreadable").
Result<> load_card_keys(std::vector<io::ListenerSettings>& listeners);

// The files of `card_key`, which nobody but us may read.
std::vector<std::string> card_keys(const std::vector<io::ListenerSettings>& listeners);

} // namespace sluice::runtime
