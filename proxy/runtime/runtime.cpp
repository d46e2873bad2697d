#include "proxy/runtime/runtime.hpp"

#include "policy/base/digest.hpp"
#include "proxy/runtime/secrets.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace sluice::runtime {
namespace {

constexpr int kLookupThreads = 4;
constexpr auto kKillWithin = std::chrono::seconds(3);

// Every connection needs up to two descriptors; the soft limit is a habit, the hard one a rule.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::optional<model::IpAddress> address_of(const sockaddr* from) {
  if (from == nullptr) return std::nullopt;
  if (from->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, from, sizeof v4);
    return model::IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  if (from->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, from, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return model::IpAddress::v6(bytes);
  }
  return std::nullopt;
}

// A socket bound to "any" answers on every address of this machine.
std::vector<model::IpAddress> local_addresses() {
  std::vector<model::IpAddress> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto address = address_of(entry->ifa_addr)) out.push_back(*address);
  }
  ::freeifaddrs(list);
  return out;
}

io::Tcp::endpoint endpoint_of(const model::IpAddress& address, std::uint16_t port) {
  if (address.is_v4()) return {io::net::ip::address_v4(address.v4_value()), port};
  io::net::ip::address_v6::bytes_type bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  return {io::net::ip::address_v6(bytes), port};
}

// A reserved socket only fixes a port: it does not listen, so no connection can land on it.
enum class Purpose { reserve, serve };

io::Acceptor open_acceptor(const io::Executor& executor, const io::Tcp::endpoint& at,
                           Purpose purpose, io::ErrorCode& error) {
  io::Acceptor acceptor(executor);
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(io::Acceptor::reuse_address(true), error);
  const int yes = 1;
  if (!error &&
      ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0) {
    error = io::ErrorCode(errno, boost::system::system_category());
  }
  if (!error) acceptor.bind(at, error);
  if (!error && purpose == Purpose::serve) acceptor.listen(4096, error);
  return acceptor;
}

StartFailure failure(Error error) {
  StartFailure out;
  out.error = std::move(error);
  return out;
}

std::string kind_text(call::ListenerKind kind) {
  return kind == call::ListenerKind::forward ? "forward" : "reverse";
}

} // namespace

Runtime::Runtime(Config config) : config_(std::move(config)) {}

Runtime::~Runtime() {
  stop("shutdown");
}

Runtime::Started Runtime::start(Config config) {
  raise_descriptor_limit();
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(config)));
  if (runtime->config_.settings.who.run_id.empty()) {
    runtime->config_.settings.who.run_id = new_id(runtime->clock_.unix_nanos());
  }
  Diagnostics diagnostics;
  auto policy = runtime->build_policy(diagnostics);
  if (!policy) {
    StartFailure failed;
    if (has_errors(diagnostics)) {
      failed.diagnostics = std::move(diagnostics);
    } else {
      failed.error = policy.error();
    }
    return failed;
  }
  runtime->policy_ = policy.value();
  if (auto failed = runtime->open_services()) return std::move(*failed);
  if (auto failed = runtime->bind_listeners()) return std::move(*failed);
  for (auto& worker : runtime->workers_) worker->start();
  return runtime;
}

Result<std::shared_ptr<const io::ActivePolicy>> Runtime::build_policy(Diagnostics& diagnostics) {
  auto load = engine::load_policy_file(config_.policy_file);
  diagnostics = std::move(load.diagnostics);
  if (!load.snapshot) return make_error(Origin::config, "policy_invalid", config_.policy_file);
  SLUICE_TRY(auto&& known, read_secrets(config_.secrets));

  redact::RuleSetConfig rules;
  rules.known = known;
  rules.placeholder = load.snapshot->redaction.placeholder;
  rules.fingerprint_key = config_.settings.who.run_id;
  SLUICE_TRY(auto&& everywhere, redact::RuleSet::build(rules));
  rules.token_formats = false;
  SLUICE_TRY(auto&& credential_fields, redact::RuleSet::build(rules));

  auto active = std::make_shared<io::ActivePolicy>();
  active->engine = std::make_shared<const engine::Engine>(load.snapshot);
  active->everywhere = everywhere;
  active->credential_fields = credential_fields;
  return std::shared_ptr<const io::ActivePolicy>(std::move(active));
}

std::optional<StartFailure> Runtime::open_services() {
  if (!config_.ca_dir.empty()) {
    auto authority = certs::Authority::load(config_.ca_dir, clock_);
    if (!authority) return failure(authority.error());
    authority_.emplace(std::move(authority.value()));
  }
  auto trust = certs::make_upstream_context(config_.upstream_roots, config_.extra_roots);
  if (!trust) return failure(trust.error());
  upstream_trust_ = std::move(trust.value());

  config_.log.who = config_.settings.who;
  auto log = evidence::EvidenceLog::open(config_.log, clock_);
  if (!log) return failure(log.error());
  log_ = std::move(log.value());
  auto started = record("run_start", {{"mode", std::string(io::to_string(config_.settings.mode))},
                                      {"sluice_version", SLUICE_VERSION}});
  if (!started) return failure(started.error());
  if (auto active = activate(*policy_); !active) return failure(active.error());
  lookups_ = std::make_unique<io::net::thread_pool>(kLookupThreads);
  return std::nullopt;
}

Result<> Runtime::activate(const io::ActivePolicy& policy) {
  const auto& snapshot = policy.engine->policy();
  SLUICE_TRY(log_->store_policy(snapshot.digest, snapshot.canonical));
  SLUICE_TRY(record("policy_loaded", {{"policy_digest", snapshot.digest},
                                      {"policy_id", snapshot.id},
                                      {"policy_version", snapshot.version}}));
  policy_digest_ = snapshot.digest;
  return success();
}

Result<evidence::Receipt> Runtime::record(std::string event,
                                          std::vector<evidence::EventField> fields) {
  return log_->append_and_wait(evidence::event_record(config_.settings.who, std::move(event),
                                                      std::move(fields), policy_->everywhere));
}

std::optional<StartFailure> Runtime::bind_listeners() {
  io::SharedServices services{
      *log_,     clock_,      authority_ ? &*authority_ : nullptr, upstream_trust_.get(),
      *lookups_, connections_};
  std::vector<io::OwnEndpoint> own;
  // The first worker's sockets fix the ports; only then is it known what "ourselves" means.
  io::net::io_context probe;
  std::vector<io::Acceptor> reserved;
  const auto here = local_addresses();
  for (auto& listener : config_.settings.listeners) {
    io::ErrorCode error;
    auto acceptor =
        open_acceptor(probe.get_executor(), endpoint_of(listener.address, listener.port),
                      Purpose::reserve, error);
    if (error) {
      return failure(
          make_error(Origin::config, "cannot_listen", listener.name + ": " + error.message()));
    }
    listener.port = acceptor.local_endpoint().port();
    const bool any =
        listener.address == model::IpAddress::v4(0) || listener.address == model::IpAddress();
    if (any) {
      for (const auto& address : here) own.push_back({address, listener.port});
    }
    own.push_back({listener.address, listener.port});
    const auto& host = listener.address;
    listeners_.push_back({listener.name, kind_text(listener.kind),
                          (host.is_v4() ? host.text() : "[" + host.text() + "]") + ":" +
                              std::to_string(listener.port)});
    reserved.push_back(std::move(acceptor));
  }
  for (unsigned i = 0; i < config_.settings.workers; ++i) {
    auto worker = std::make_unique<io::Worker>(config_.settings, services, policy_, own);
    for (const auto& listener : config_.settings.listeners) {
      io::ErrorCode error;
      auto acceptor = open_acceptor(
          worker->executor(), endpoint_of(listener.address, listener.port), Purpose::serve, error);
      if (error) {
        return failure(
            make_error(Origin::config, "cannot_listen", listener.name + ": " + error.message()));
      }
      worker->add_listener(listener, std::move(acceptor));
    }
    workers_.push_back(std::move(worker));
  }
  return std::nullopt;
}

Diagnostics Runtime::reload() {
  Diagnostics diagnostics;
  auto next = build_policy(diagnostics);
  if (!next && !has_errors(diagnostics)) {
    Diagnostic one;
    one.file = config_.file;
    one.message = next.error().detail;
    diagnostics.push_back(std::move(one));
  }
  if (!next) {
    // A rejected policy is part of the story; the active one goes on.
    (void)record("policy_rejected",
                 {{"errors", format(diagnostics)}, {"policy_digest", policy_digest_}});
    return diagnostics;
  }
  if (auto active = activate(*next.value()); !active) {
    Diagnostic one;
    one.file = config_.log.directory;
    one.message = "the evidence log did not accept the new policy, so the old one stays";
    one.hint = active.error().detail;
    diagnostics.push_back(std::move(one));
    return diagnostics;
  }
  policy_ = next.value();
  for (auto& worker : workers_) worker->use(policy_);
  return diagnostics;
}

bool Runtime::sessions_left() const {
  for (const auto& worker : workers_) {
    if (worker->session_count() > 0) return true;
  }
  return false;
}

void Runtime::stop(const std::string& why) {
  if (stopped_) return;
  stopped_ = true;
  const auto wait = [this](std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (sessions_left() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  for (auto& worker : workers_) worker->drain();
  wait(config_.settings.limits.drain);
  if (sessions_left()) {
    for (auto& worker : workers_) worker->kill();
    wait(kKillWithin);
  }
  for (auto& worker : workers_) worker->stop();
  workers_.clear(); // permits of sessions that would not end close here, as abandoned
  if (lookups_) lookups_->join();
  if (log_) {
    (void)record("run_complete", {{"why", why}});
    log_.reset();
  }
}

} // namespace sluice::runtime
