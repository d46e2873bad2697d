// What the admin server answers: health, readiness, counters, status, and the four orders (reload,
// drain, kill, resume). Never shows a secret or a byte of a call.
// Tested by tests/e2e/test_admin.py.
#pragma once

#include "proxy/io/admin_server.hpp"
#include "proxy/io/metrics.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::runtime {

class Runtime;

struct Gauges { // what is, beside what was counted
  bool evidence_healthy = false, draining = false, killed = false;
  std::uint64_t connections = 0;
  std::uint64_t reloads = 0, rejected_reloads = 0;
};

io::AdminAnswer answer_admin(Runtime& runtime, const io::AdminRequest& request);
// Prometheus text format 0.0.4.
std::string metrics_text(const io::Metrics& metrics, const Gauges& gauges);
// The same counters, those about calls, for the evidence log's heartbeats.
std::vector<evidence::Count> heartbeat_counts(const io::Metrics& metrics);

} // namespace sluice::runtime
