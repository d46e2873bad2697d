// Where the policy comes from, at a start, at a reload and for a check: the file, what it inherits
// and, beside it, its signature, all read from one folder that cannot be swapped in between. The
// text whose signature holds is the one that is loaded. Never gives a policy that sluice.yaml does
// not let in. Tested by tests/e2e/test_policy_signature.py and test_policy_inherit.py.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/file_state.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime {

struct PolicyRead {
  std::shared_ptr<const engine::Snapshot> snapshot; // null when there are errors
  std::string signed_by;   // fingerprint of a trusted key, "" when it is signed by none
  Diagnostics diagnostics; // errors and warnings
};

class PolicySource {
 public:
  explicit PolicySource(const Config& config);

  // Reads the trusted keys, once: later changes of their files trust nobody. Every problem at once.
  Diagnostics read_keys();
  PolicyRead read();
  // Whether the policy, its signature, or what the policy read last inherits, or would have, is
  // another than at the last look. Cheap.
  bool changed();

 private:
  Result<std::string> read_parent(int folder, const std::string& name);
  void check_signature(int folder, PolicyRead& out) const;

  std::string file_, signature_, folder_;
  std::vector<std::string> known_parents_; // pinned: no others
  std::vector<std::pair<std::string, FileState>> parents_;
  std::string config_file_;
  std::map<std::string, Place> places_;
  std::vector<std::string> key_files_;
  std::vector<std::string> trusted_; // fingerprints
  bool require_signature_, pinned_;
  FileId folder_id_; // at the start
  FileState policy_state_, signature_state_;
};

} // namespace sluice::runtime
