#include "proxy/runtime/runtime.hpp"

#include "policy/base/digest.hpp"
#include "policy/evidence/layout.hpp"
#include "proxy/io/poster.hpp"
#include "proxy/runtime/config_urls.hpp"
#include "proxy/runtime/preflight.hpp"
#include "proxy/runtime/secrets.hpp"

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
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

std::string random_key() {
  std::string key(32, '\0');
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) std::abort();
  return key;
}

StartFailure failure(Error error) {
  StartFailure out;
  out.error = std::move(error);
  return out;
}

} // namespace

Runtime::Runtime(Config config)
    : config_(std::move(config)), fingerprint_key_(random_key()),
      body_key_(std::make_shared<const std::string>(random_key())), source_(config_) {}

Runtime::~Runtime() {
  stop("shutdown");
}

Runtime::Started Runtime::start(Config config) {
  raise_descriptor_limit();
  // Its memory holds what nobody else may have: no core, and no look into it by the same user.
  (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(config)));
  if (runtime->config_.settings.who.run_id.empty()) {
    runtime->config_.settings.who.run_id = new_id(runtime->clock_.unix_nanos());
  }
  Diagnostics diagnostics;
  StartFailure untrusted{runtime->source_.read_keys(), std::nullopt};
  if (has_errors(untrusted.diagnostics)) return untrusted;
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
  if (auto bound = runtime->bind_listeners(); !bound) return failure(bound.error());
  for (auto& worker : runtime->workers_) worker->start();
  if (auto admin = runtime->start_admin(); !admin) return failure(admin.error());
  return runtime;
}

Result<std::shared_ptr<const io::ActivePolicy>> Runtime::build_policy(Diagnostics& diagnostics) {
  auto load = source_.read();
  diagnostics = std::move(load.diagnostics);
  if (!load.snapshot) return make_error(Origin::config, "policy_invalid", config_.policy_file);
  SLUICE_TRY(auto known, read_secrets(config_.secrets));
  // Of secrets alone: of a login the agent has nothing, so pieces of one are guesses, and to count
  // them would tell which are right.
  auto drip = std::make_shared<redact::DripWatch>(known);
  inputs_.files = files_of(*load.snapshot); // as they are before they are read
  SLUICE_TRY(auto credentials,
             read_credentials(load.snapshot->credentials, folder_of(config_.policy_file)));
  keep_replaced(credentials);
  add_known(credentials, known);
  add_known(earlier_, known);

  auto rules = engine::redaction_of(*load.snapshot);
  rules.known = known;
  rules.fingerprint_key = fingerprint_key_;
  if (engine::uses_tokens(*load.snapshot)) rules.vault = vault_;
  SLUICE_TRY(auto&& everywhere, redact::RuleSet::build(rules));
  SLUICE_TRY(auto&& credential_fields, redact::RuleSet::build(rules.for_credentials()));

  auto active = std::make_shared<io::ActivePolicy>();
  active->engine = engine::make_engine(config_.engine, load.snapshot);
  active->signed_by = load.signed_by;
  active->everywhere = everywhere;
  active->credential_fields = credential_fields;
  if (policy_ && policy_->drip) drip->take_over(*policy_->drip);
  if (!drip->empty()) active->drip = std::move(drip);
  if (!credentials.empty())
    active->credentials = std::make_shared<call::CredentialSet>(std::move(credentials));
  inputs_.stale_at = stale_at(*load.snapshot, active->credentials.get());
  return std::shared_ptr<const io::ActivePolicy>(std::move(active));
}

std::optional<StartFailure> Runtime::open_services() {
  if (!config_.ca_dir.empty()) {
    auto authority = certs::Authority::load(config_.ca_dir, clock_);
    if (!authority) return failure(authority.error());
    authority_.emplace(std::move(authority.value()));
  }
  if (auto keys = load_card_keys(config_.settings.listeners); !keys) return failure(keys.error());
  auto trust = certs::make_upstream_context(config_.upstream_roots, config_.extra_roots);
  if (!trust) return failure(trust.error());
  upstream_trust_ = std::move(trust.value());
  if (auto failed = open_identity()) return failed;

  config_.log.who = config_.settings.who;
  if (config_.log.key_file.empty()) {
    config_.log.key_file = evidence::key_path(config_.log.directory);
  }
  config_.log.counts = [this] { return heartbeat_counts(metrics_); };
  make_witness();
  auto log = evidence::EvidenceLog::open(config_.log, clock_);
  if (!log) return failure(log.error());
  {
    const std::lock_guard lock(witness_lock_);
    log_ = std::move(log.value());
  }
  auto started = record("run_start", {{"engine", std::string(to_string(config_.engine))},
                                      {"mode", std::string(io::to_string(config_.settings.mode))},
                                      {"previous_head", to_string(log_->found())},
                                      {"sluice_version", SLUICE_VERSION}});
  if (!started) return failure(started.error());
  if (auto active = activate(*policy_); !active) return failure(active.error());
  policy_digest_ = policy_->engine->policy().digest;
  if (auto limits = open_limits(); !limits) return failure(limits.error());
  lookups_ = std::make_unique<io::net::thread_pool>(kLookupThreads);
  return std::nullopt;
}

std::optional<StartFailure> Runtime::open_identity() {
  if (!config_.identity) return std::nullopt;
  auto loaded = certs::Identity::load(*config_.identity, clock_);
  if (!loaded) return StartFailure{{identity_problem(config_, loaded.error())}, std::nullopt};
  identity_.emplace(std::move(loaded.value()));
  return std::nullopt;
}

Witness::Hand Runtime::way_to_witness() {
  if (!config_.anchor.url) {
    return [command = config_.anchor.command](const std::string& checkpoint) {
      return feed_command(command, checkpoint);
    };
  }
  auto poster = std::make_shared<io::Poster>(*config_.anchor.url, upstream_trust_.get(),
                                             config_.settings, own_ports_);
  return [poster](const std::string& checkpoint) { return poster->post(checkpoint); };
}

// Under the lock of the evidence log, so that no other process writes there.
Result<> Runtime::open_limits() {
  ledger_ = std::make_unique<limits::Ledger>(config_.settings.who.agent_id);
  const auto file = config_.log.directory + "/limits.json";
  SLUICE_TRY(read_limits(file, *ledger_));
  limit_keeper_ =
      std::make_unique<LimitKeeper>(*ledger_, file, clock_, [this](const std::string& error) {
        (void)log_->append_and_wait(evidence::event_record(
            config_.settings.who, error.empty() ? "limits_saved" : "limits_not_saved",
            {{"error", error}}, nullptr));
      });
  return success();
}

std::vector<limits::Ledger::Use> Runtime::limits_in_use() {
  model::Quotas quotas;
  const std::lock_guard lock(orders_);
  const auto& policy = policy_->engine->policy();
  policy.each_rule([&](const auto& rule) {
    if (rule.quotas) quotas.push_back(rule.quotas);
  });
  return ledger_->uses(quotas, limits::Instant::of(clock_));
}

// That it fails is on record, and stops nothing: the data plane does not hang on somebody outside.
void Runtime::make_witness() {
  if (!config_.anchor.present()) return;
  witness_ = std::make_unique<Witness>(way_to_witness(), [this](const std::string& error,
                                                                std::uint64_t missed) {
    const std::lock_guard lock(witness_lock_);
    if (!log_) return false; // it is being opened
    const bool failed = !error.empty();
    const auto written = log_->append_and_wait(
        evidence::event_record(config_.settings.who, failed ? "anchor_failed" : "anchor_recovered",
                               {{"error", error}, {"missed", std::to_string(missed)}}, nullptr));
    return written.has_value();
  });
  config_.log.on_checkpoint = [witness = witness_.get()](const std::string& line) {
    witness->hand(line);
  };
}

Result<> Runtime::activate(const io::ActivePolicy& policy) {
  const auto& snapshot = policy.engine->policy();
  SLUICE_TRY(log_->store_policy(snapshot.digest, snapshot.canonical));
  SLUICE_TRY(record("policy_loaded", {{"policy_digest", snapshot.digest},
                                      {"policy_id", snapshot.id},
                                      {"policy_version", snapshot.version},
                                      {"signed_by", policy.signed_by}}));
  return success();
}

Result<evidence::Receipt> Runtime::record(std::string event,
                                          std::vector<evidence::EventField> fields) {
  return log_->append_and_wait(evidence::event_record(config_.settings.who, std::move(event),
                                                      std::move(fields), policy_->everywhere));
}

Result<> Runtime::bind_listeners() {
  auto& settings = config_.settings;
  io::SharedServices services{*log_,
                              clock_,
                              authority_ ? &*authority_ : nullptr,
                              upstream_trust_.get(),
                              identity_ ? &*identity_ : nullptr,
                              *lookups_,
                              connections_,
                              pins_,
                              own_ports_,
                              metrics_,
                              *ledger_,
                              killed_,
                              body_key_,
                              std::make_shared<call::HeldBytes>(settings.limits.held_bodies),
                              std::make_shared<call::OpenCalls>()};
  SLUICE_TRY(listeners_.reserve(settings.listeners, config_.admin));
  for (unsigned i = 0; i < settings.workers; ++i) {
    auto worker = std::make_unique<io::Worker>(settings, services, policy_, listeners_.around());
    SLUICE_TRY(
        listeners_.give_to(*worker, i, settings.workers, settings.listeners, config_.adopted));
    workers_.push_back(std::move(worker));
  }
  return success();
}

std::string Runtime::policy_digest() const {
  const std::lock_guard lock(orders_);
  return policy_digest_;
}

std::map<std::string, std::string> Runtime::placeholders(const char* const* environment) const {
  const std::lock_guard lock(orders_);
  std::map<std::string, std::string> out;
  if (!policy_->credentials) return out;
  for (; *environment != nullptr; ++environment) {
    const std::string entry(*environment);
    const auto equals = entry.find('=');
    if (equals == entry.npos) continue;
    std::string value = entry.substr(equals + 1);
    for (const auto& one : policy_->credentials->all()) {
      const auto mark = std::string(model::kCredentialMark) + one.what.id();
      for (const auto& named : call::secrets_of(one)) {
        const auto secret = named.second->reveal();
        // Behind what was put there: a mark may hold the secret.
        for (auto at = value.find(secret); at != value.npos;
             at = value.find(secret, at + mark.size())) {
          value.replace(at, secret.size(), mark);
          out[entry.substr(0, equals)] = value;
        }
      }
    }
  }
  return out;
}

Result<> Runtime::start_admin() {
  if (config_.admin.empty()) return success();
  SLUICE_TRY(admin_, io::AdminServer::start(config_.admin, [this](const io::AdminRequest& request) {
               return answer_admin(*this, request);
             }));
  return success();
}

std::vector<std::pair<std::string, FileState>>
Runtime::files_of(const engine::Snapshot& policy) const {
  std::vector<std::pair<std::string, FileState>> out;
  const auto add = [&](const SecretSource& source) {
    if (source.from != SecretSource::From::file) return;
    out.emplace_back(source.words.front(), look_at(source.words.front()));
  };
  for (const auto& one : config_.secrets) add(one);
  for (const auto& one : policy.credentials) {
    for (const auto& source : sources_of(one, folder_of(config_.policy_file))) add(source);
  }
  return out;
}

// Keys that say when they run out are read again a while before.
std::chrono::milliseconds Runtime::until_replaced(const call::CredentialSet& credentials) const {
  using std::chrono::milliseconds;
  constexpr milliseconds kBefore = std::chrono::minutes(5), kOftenest = std::chrono::seconds(10);
  auto out = milliseconds::max();
  for (const auto& one : credentials.all()) {
    if (one.expires_unix_nanos == 0) continue;
    const milliseconds left((one.expires_unix_nanos - clock_.unix_nanos()) / 1'000'000);
    out = std::min(out, std::max(left - std::min(kBefore, left / 2), kOftenest));
  }
  return out;
}

std::int64_t Runtime::stale_at(const engine::Snapshot& policy,
                               const call::CredentialSet* credentials) const {
  auto soonest = std::chrono::milliseconds::max();
  for (const auto& one : policy.credentials) {
    if (one.refresh.count() > 0) soonest = std::min(soonest, one.refresh);
  }
  if (credentials != nullptr) soonest = std::min(soonest, until_replaced(*credentials));
  if (soonest == std::chrono::milliseconds::max()) return kNever;
  return clock_.monotonic_nanos() + std::chrono::nanoseconds(soonest).count();
}

// A key that was replaced is often good for a while, and an upstream may speak of it: it stays a
// secret. The last few do.
void Runtime::keep_replaced(const std::vector<call::CredentialValue>& now) {
  constexpr std::size_t kMost = 64;
  if (!policy_ || !policy_->credentials) return;
  const auto is_in = [](const auto& all, const call::CredentialValue& one) {
    return std::any_of(all.begin(), all.end(), [&](const call::CredentialValue& other) {
      return call::same_secrets(other, one);
    });
  };
  for (const auto& one : policy_->credentials->all()) {
    if (is_in(now, one) || is_in(earlier_, one)) continue;
    earlier_.push_back(one);
    if (earlier_.size() > kMost) earlier_.erase(earlier_.begin());
  }
}

bool Runtime::inputs_changed() {
  constexpr std::int64_t kAgain = 30'000'000'000; // a helper that fails is asked again
  const std::unique_lock lock(reloading_, std::try_to_lock);
  if (!lock.owns_lock()) return false; // the next look will tell
  bool changed = source_.changed();
  for (auto& [file, state] : inputs_.files) changed = has_changed(file, state) || changed;
  const auto now = clock_.monotonic_nanos();
  if (now < inputs_.stale_at) return changed;
  inputs_.stale_at = now + kAgain;
  return true;
}

Diagnostics Runtime::reload() {
  const std::lock_guard lock(reloading_);
  auto problems = reload_policy();
  ++(has_errors(problems) ? rejected_reloads_ : reloads_);
  return problems;
}

Diagnostics Runtime::reload_policy() {
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
  {
    const std::lock_guard lock(orders_);
    policy_ = next.value();
    policy_digest_ = policy_->engine->policy().digest;
  }
  for (auto& worker : workers_) worker->use(policy_);
  return diagnostics;
}

bool Runtime::kill(const std::string& by) {
  killed_ = true;
  for (auto& worker : workers_) worker->cut(model::Reason::killed);
  const std::lock_guard lock(orders_);
  return record("kill_switch", {{"by", by}, {"state", "on"}}).has_value();
}

bool Runtime::resume(const std::string& by) {
  const std::lock_guard lock(orders_);
  if (!record("kill_switch", {{"by", by}, {"state", "off"}})) return false;
  killed_ = false;
  return true;
}

void Runtime::ask_to_stop() {
  ::kill(::getpid(), SIGTERM);
}

Gauges Runtime::gauges() const {
  Gauges out;
  out.evidence_healthy = log_ && log_->healthy();
  out.draining = draining_;
  out.killed = killed_;
  out.connections = connections_;
  out.reloads = reloads_;
  out.rejected_reloads = rejected_reloads_;
  return out;
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
  draining_ = true;
  const auto wait = [this](std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (sessions_left() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  for (auto& worker : workers_) worker->drain();
  wait(config_.settings.limits.drain);
  if (sessions_left()) {
    for (auto& worker : workers_) worker->cut(model::Reason::draining);
    wait(kKillWithin);
  }
  admin_.reset();
  for (auto& worker : workers_) worker->stop();
  if (lookups_) { // before the workers go: an answer is posted to the one that asked
    lookups_->stop();
    lookups_->join();
    lookups_.reset(); // with what was never begun: it holds timers of the workers' contexts
  }
  workers_.clear(); // permits of sessions that would not end close here, as abandoned
  limit_keeper_.reset();
  if (log_) {
    (void)record("run_complete", {{"previous_head", to_string(log_->head())}, {"why", why}});
    if (witness_) witness_->keep_quiet();
    std::unique_ptr<evidence::EvidenceLog> last;
    {
      const std::lock_guard lock(witness_lock_);
      last.swap(log_);
    }
    last.reset();
  }
  if (witness_) witness_error_ = witness_->close();
}

} // namespace sluice::runtime
