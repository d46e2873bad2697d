// The running sidecar: builds everything from a Config in order, starts the workers, reloads the
// policy, drains and stops. A bad policy at a reload changes nothing and is recorded.
// Never serves before the evidence log accepted run_start and policy_loaded.
// Tested by tests/e2e/test_policy_reload.py.
#pragma once

#include "certs/authority.hpp"
#include "policy/base/clock.hpp"
#include "policy/evidence/log.hpp"
#include "proxy/io/worker.hpp"
#include "proxy/runtime/config.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::runtime {

struct BoundListener {
  std::string name, kind, address; // "127.0.0.1:15001"
};

struct StartFailure {
  Diagnostics diagnostics;    // input files: exit 2
  std::optional<Error> error; // anything else: exit 1
};

class Runtime {
 public:
  using Started = std::variant<StartFailure, std::unique_ptr<Runtime>>;
  static Started start(Config config);
  ~Runtime();

  const std::vector<BoundListener>& listeners() const noexcept { return listeners_; }
  const io::Settings& settings() const noexcept { return config_.settings; }
  const std::string& policy_digest() const noexcept { return policy_digest_; }
  const certs::Authority* authority() const noexcept { return authority_ ? &*authority_ : nullptr; }

  // Reads policy and secrets again. On errors the active policy stays; the result says why.
  Diagnostics reload();
  // Stops accepting, waits for running calls up to limits.drain, ends the rest, writes
  // run_complete.
  void stop(const std::string& why);

 private:
  explicit Runtime(Config config);
  std::optional<StartFailure> open_services();
  std::optional<StartFailure> bind_listeners();
  Result<std::shared_ptr<const io::ActivePolicy>> build_policy(Diagnostics& diagnostics);
  Result<> activate(const io::ActivePolicy& policy);
  Result<evidence::Receipt> record(std::string event, std::vector<evidence::EventField> fields);
  bool sessions_left() const;

  Config config_;
  SystemClock clock_;
  std::string policy_digest_;
  std::shared_ptr<const io::ActivePolicy> policy_;
  std::optional<certs::Authority> authority_;
  certs::SslCtxPtr upstream_trust_;
  std::unique_ptr<evidence::EvidenceLog> log_;
  std::atomic<std::uint32_t> connections_{0};
  std::unique_ptr<io::net::thread_pool> lookups_;
  std::vector<std::unique_ptr<io::Worker>> workers_;
  std::vector<BoundListener> listeners_;
  bool stopped_ = false;
};

} // namespace sluice::runtime
