#include "proxy/contain/probe.hpp"

#include <algorithm>

namespace sluice::contain {

bool ProbeReport::holds() const {
  return complete && !checks.empty() &&
         std::all_of(checks.begin(), checks.end(), [](const Check& one) { return one.ok; });
}

std::string ProbeReport::failures() const {
  std::string out;
  const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  for (const auto& one : checks) {
    if (!one.ok) add(one.name + ": expected " + one.expected + ", got " + one.got);
  }
  if (!complete || checks.empty()) add("the probe did not come to its end");
  return out;
}

} // namespace sluice::contain
