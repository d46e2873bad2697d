// The running sidecar: builds everything from a Config in order, starts the workers, reloads the
// policy, drains and stops. A bad policy at a reload changes nothing and is recorded.
// Never serves before the evidence log accepted run_start and policy_loaded.
// Tested by tests/e2e/test_policy_reload.py.
#pragma once

#include "certs/authority.hpp"
#include "policy/base/clock.hpp"
#include "policy/evidence/log.hpp"
#include "policy/limits/ledger.hpp"
#include "policy/redact/token_vault.hpp"
#include "proxy/runtime/admin_routes.hpp"
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/file_state.hpp"
#include "proxy/runtime/limit_keeper.hpp"
#include "proxy/runtime/listeners.hpp"
#include "proxy/runtime/policy_source.hpp"
#include "proxy/runtime/witness.hpp"

#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::runtime {

struct StartFailure {
  Diagnostics diagnostics;    // input files: exit 2
  std::optional<Error> error; // anything else: exit 1
};

class Runtime {
 public:
  using Started = std::variant<StartFailure, std::unique_ptr<Runtime>>;
  static Started start(Config config);
  ~Runtime();

  const std::vector<BoundListener>& listeners() const noexcept { return listeners_.bound(); }
  const io::Settings& settings() const noexcept { return config_.settings; }
  std::string policy_digest() const;
  // Of these variables ("NAME=value") those that hold a login of the policy, each with the
  // placeholder in its place that an agent may use.
  std::map<std::string, std::string> placeholders(const char* const* environment) const;
  const certs::Authority* authority() const noexcept { return authority_ ? &*authority_ : nullptr; }

  // Reads policy and secrets again. On errors the active policy stays; the result says why.
  Diagnostics reload();
  // The kill switch: from now on nothing is admitted, and what runs is cut. Egress stops even when
  // the order cannot be recorded (false); it does not start again then.
  bool kill(const std::string& by);
  bool resume(const std::string& by);
  void ask_to_stop(); // as SIGTERM does: whoever called start() then calls stop()
  Gauges gauges() const;
  const io::Metrics& metrics() const noexcept { return metrics_; }
  std::vector<limits::Ledger::Use> limits_in_use(); // of the rules of the active policy
  // Puts an event of this run on record; blocks until the log has it.
  Result<evidence::Receipt> record(std::string event, std::vector<evidence::EventField> fields);
  // Whether the policy, its signature or a file it takes a secret from is another than at the last
  // look, or a login is due to be read again. Cheap: a stat of each.
  bool inputs_changed();
  // Stops accepting, waits for running calls up to limits.drain, ends the rest, writes
  // run_complete.
  void stop(const std::string& why);
  // After stop(): what the witness did not take of the last checkpoint; "" when all is well.
  const std::string& witness_error() const noexcept { return witness_error_; }

 private:
  explicit Runtime(Config config);
  std::optional<StartFailure> open_services();
  std::optional<StartFailure> open_identity();
  Result<> open_limits();
  Result<> bind_listeners();
  Result<> start_admin();
  Result<std::shared_ptr<const io::ActivePolicy>> build_policy(Diagnostics& diagnostics);
  Result<> activate(const io::ActivePolicy& policy);
  Diagnostics reload_policy();
  bool sessions_left() const;
  void make_witness();
  Witness::Hand way_to_witness();

  Config config_;
  SystemClock clock_;
  std::string policy_digest_;
  std::shared_ptr<redact::TokenVault> vault_ = std::make_shared<redact::TokenVault>();
  // Of this process, and kept nowhere: neither a secret nor a body must be guessed from the log.
  std::string fingerprint_key_;
  call::DigestKey body_key_;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  struct Inputs { // of the active policy, beside its own file
    std::vector<std::pair<std::string, FileState>> files;
    std::int64_t stale_at = kNever; // monotonic
  };
  std::vector<std::pair<std::string, FileState>> files_of(const engine::Snapshot& policy) const;
  std::chrono::milliseconds until_replaced(const call::CredentialSet& credentials) const;
  std::int64_t stale_at(const engine::Snapshot& policy,
                        const call::CredentialSet* credentials) const;
  void keep_replaced(const std::vector<call::CredentialValue>& now);
  Inputs inputs_;
  std::vector<call::CredentialValue> earlier_; // logins of this run that were replaced since
  PolicySource source_;
  std::shared_ptr<const io::ActivePolicy> policy_;
  std::optional<certs::Authority> authority_;
  certs::SslCtxPtr upstream_trust_;
  std::optional<certs::Identity> identity_;
  std::mutex witness_lock_;          // guards that log_ is there, for the witness's thread
  std::unique_ptr<Witness> witness_; // before the log, which hands to it
  std::unique_ptr<evidence::EvidenceLog> log_;
  std::atomic<std::uint32_t> connections_{0};
  io::NamePins pins_{clock_};
  io::OwnPorts own_ports_;
  io::Metrics metrics_;
  std::unique_ptr<limits::Ledger> ledger_;
  std::unique_ptr<LimitKeeper> limit_keeper_;
  std::atomic<bool> killed_{false}, draining_{false};
  std::atomic<std::uint64_t> reloads_{0}, rejected_reloads_{0};
  // Held while a policy is read, which may take as long as its helpers; never inside orders_.
  mutable std::mutex reloading_;
  mutable std::mutex orders_; // guards policy_ and policy_digest_, and that orders are one by one
  std::unique_ptr<io::net::thread_pool> lookups_;
  std::vector<std::unique_ptr<io::Worker>> workers_;
  Listeners listeners_;
  bool stopped_ = false;
  std::string witness_error_;
  std::unique_ptr<io::AdminServer> admin_; // last: it uses everything above
};

} // namespace sluice::runtime
