// How fast the evidence is: records a second through the writer thread with `written`, signed, at
// one and at four appending threads, and verification of what was written. Prints one line each.
// usage: evidence_bench DIRECTORY [RECORDS]    (the directory must not exist; it is left behind)
#include "policy/evidence/log.hpp"
#include "policy/evidence/verify.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::evidence;

// Records of the size of a real decision, without the cost of making them.
Record decision() {
  model::EgressCall call;
  call.call_id = "01KE000000000000000000000";
  call.listener = "agents";
  call.to = {model::Scheme::https, model::Host::parse("api.example.com").value(), 443};
  call.method = "POST";
  call.path = "/v1/chat/completions";
  call.sni = "api.example.com";
  model::Decision allowed;
  allowed.verdict = model::Verdict::allow;
  allowed.reason = model::Reason::none;
  allowed.rule_id = "egress[0]";
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &allowed;
  facts.mode = "enforce";
  facts.address = "203.0.113.7";
  facts.address_class = "global";
  return decision_record({"run-1", "session-1", "agent-1"}, facts, nullptr);
}

void report(const char* what, std::uint64_t count, std::int64_t nanos) {
  const double seconds = static_cast<double>(nanos) / 1e9;
  std::fprintf(stderr, "%-28s %9llu records %7.3f s %10.0f records/s\n", what,
               static_cast<unsigned long long>(count), seconds,
               static_cast<double>(count) / seconds);
}

bool append_all(const std::string& directory, std::uint64_t count, unsigned threads,
                const Clock& clock) {
  LogConfig config;
  config.directory = directory;
  config.key_file = directory + "/signing.key";
  auto log = EvidenceLog::open(config, clock);
  if (!log) return false;
  const Record record = decision();
  std::atomic<std::uint64_t> kept{0};
  std::atomic<std::uint64_t> refused{0};
  std::vector<std::thread> all;
  const std::int64_t start = clock.monotonic_nanos();
  for (unsigned t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (std::uint64_t n = 0; n < count / threads; ++n) {
        // A caller cannot run ahead without bound: calls wait for their records.
        while (n % 256 == 0 && n * threads > kept.load() + refused.load() + 16'384) {
          std::this_thread::yield();
        }
        log.value()->append(record, [&](Result<Receipt> receipt) { ++(receipt ? kept : refused); });
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  log.value().reset();
  const std::string what = "append, " + std::to_string(threads) + " thread(s)";
  report(what.c_str(), kept, clock.monotonic_nanos() - start);
  return refused == 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string directory = argv[1];
  const std::uint64_t count = argc > 2 ? std::stoull(argv[2]) : 1'000'000;
  const SystemClock clock;
  if (!append_all(directory, count / 2, 1, clock) || !append_all(directory, count / 2, 4, clock)) {
    return 1;
  }
  const std::int64_t start = clock.monotonic_nanos();
  const Verification verification = verify_directory(directory);
  report("verify", verification.audit_record_count, clock.monotonic_nanos() - start);
  return verification.passed() ? 0 : 1;
}
