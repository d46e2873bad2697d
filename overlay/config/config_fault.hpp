// What is wrong with a config, at which of its values. Never shows a value: configs hold secrets.
// Tested by tests/unit/overlay/compose_test.cpp.
#pragma once

#include <string>

namespace sluice::overlay {

struct ConfigFault {
  std::string pointer; // into the config
  std::string message;
  std::string hint;
};

} // namespace sluice::overlay
