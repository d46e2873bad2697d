// Everything a box's init needs to know; it has it by being forked, nothing is sent. Internal to
// proxy/contain and its tests.
#pragma once

#include "proxy/contain/box.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::contain {

struct Faults {
  bool no_rules = false;        // nothing is redirected and nothing rejected
  bool keep_privileges = false; // CMD keeps uid and capabilities
  bool no_ipv6 = false;         // as where the kernel has none
  bool show_hidden = false;     // hidden paths are not covered
};

struct Hidden {
  std::string path; // without symbolic links
  dev_t device = 0; // what it is outside, to be told from its cover
  ino_t inode = 0;
  bool folder = false;
  bool may_go = false; // somebody else's socket: once it is gone there is nothing to cover
};

struct Plan {
  BoxOptions options;
  Faults faults;
  bool user_namespace = false;
  User agent;                 // whom CMD runs as
  std::vector<Hidden> hidden; // the caller's and every known exit
  std::string ip, nft;        // the programs
  bool ipv6 = false;          // set once the box's own network is up

  // The sidecar as the box must not be able to reach it.
  pid_t sidecar_pid = -1;
  uid_t sidecar_uid = 0;
  ino_t sidecar_pid_namespace = 0, sidecar_net_namespace = 0;
};

} // namespace sluice::contain
