// One label of a host, or one segment of a path, against a pattern in which each `*` is any run of
// bytes. The compiled engine's own: the reference has another. Takes at most as many steps as
// pattern and text have bytes together, times the stars. Private to policy/engine.
// Tested by tests/unit/engine/wildcard_test.cpp.
#pragma once

#include <string_view>

namespace sluice::engine {

bool fits_wildcard(std::string_view pattern, std::string_view text) noexcept;

} // namespace sluice::engine
