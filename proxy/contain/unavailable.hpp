// How everything in this layer fails: containment is not to be had, and why. Never means that the
// command failed which was to run in the box.
#pragma once

#include "policy/base/result.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace sluice::contain {

inline Error unavailable(std::string why) {
  return make_error(Origin::config, "containment_unavailable", std::move(why));
}

// `what` could not be done, for the reason that errno names.
inline Error system_failed(const std::string& what) {
  return unavailable(what + ": " + std::strerror(errno));
}

} // namespace sluice::contain
