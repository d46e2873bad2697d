// What all workers share. Everything in it is thread-safe or immutable, and outlives them.
// Never holds state of one call. Tested with its users.
#pragma once

#include "certs/authority.hpp"
#include "certs/identity.hpp"
#include "policy/base/clock.hpp"
#include "policy/evidence/log.hpp"
#include "policy/limits/ledger.hpp"
#include "proxy/call/body_digest.hpp"
#include "proxy/call/held_bytes.hpp"
#include "proxy/call/open_calls.hpp"
#include "proxy/io/metrics.hpp"
#include "proxy/io/name_pins.hpp"
#include "proxy/io/own_ports.hpp"
#include "proxy/io/task.hpp"

#include <boost/asio/thread_pool.hpp>
#include <openssl/types.h>

#include <atomic>
#include <cstdint>

namespace sluice::io {

struct SharedServices { // outlive every worker
  evidence::EvidenceLog& log;
  const Clock& clock;
  const certs::Authority* authority = nullptr; // null: CONNECT cannot be intercepted
  SSL_CTX* upstream_trust = nullptr;
  const certs::Identity* identity = nullptr; // null: no listener has to do with other sidecars
  net::thread_pool& lookups;
  std::atomic<std::uint32_t>& connections; // of all workers, for the limit
  NamePins& pins;
  OwnPorts& own_ports;
  Metrics& metrics;
  limits::Ledger& ledger;                      // of the limits with counters
  const std::atomic<bool>& killed;             // the kill switch: nothing is admitted
  call::DigestKey digest_key;                  // of bodies
  std::shared_ptr<call::HeldBytes> held;       // room for bodies that are held
  std::shared_ptr<call::OpenCalls> open_calls; // that this program is answering
};

} // namespace sluice::io
