// Where the policy comes from, at a start, at a reload and for a check: the file and, beside it,
// its signature, both read from one folder that cannot be swapped in between. The text whose
// signature holds is the one that is loaded. Never gives a policy that sluice.yaml does not let in.
// Tested by tests/e2e/test_policy_signature.py.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/file_state.hpp"

#include <map>
#include <memory>
#include <string>
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
  PolicyRead read() const;
  // Whether the policy or its signature is another than at the last look. Cheap.
  bool changed();

 private:
  void check_signature(int folder, PolicyRead& out) const;

  std::string file_, signature_, folder_;
  std::string config_file_;
  std::map<std::string, Place> places_;
  std::vector<std::string> key_files_;
  std::vector<std::string> trusted_; // fingerprints
  bool require_signature_, pinned_;
  FileId folder_id_; // at the start
  FileState policy_state_, signature_state_;
};

} // namespace sluice::runtime
