// What the probe of a box found: each way out that was tried, what had to happen and what did. An
// empty report proves nothing. Tested by tests/contain/probe_test.cpp.
#pragma once

#include <string>
#include <vector>

namespace sluice::contain {

struct Check {
  std::string name, expected, got;
  bool ok = false;
};

struct ProbeReport {
  std::vector<Check> checks;
  std::vector<std::string> notes; // what CMD will notice and no check is about
  bool complete = false;          // the probe came to its end

  bool holds() const;
  std::string failures() const; // "name: expected …, got …; …"; "" when it holds
};

} // namespace sluice::contain
