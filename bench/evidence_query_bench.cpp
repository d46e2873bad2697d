// How fast a question about a large log is answered: makes a log of calls with the variety of a
// real one, an index of it, and asks. Prints one line each. usage: bench_evidence_query DIRECTORY
// [RECORDS]    (made when it is not there; left behind)
#include "policy/evidence/log.hpp"
#include "policy/evidence/query.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace sluice;
using namespace sluice::evidence;

constexpr std::int64_t kStart = 1'767'323'045'000'000'000; // 2026-01-02T03:04:05Z

// 500 hosts, 40 rules; every 20th call is refused, every 1000th by a rule that is rare. A call each
// two milliseconds, each with an outcome if it was let through.
std::vector<Record> call(std::uint64_t n) {
  model::EgressCall call;
  call.call_id = new_id(kStart + static_cast<std::int64_t>(n) * 2'000'000);
  call.listener = "agents";
  call.to = {model::Scheme::https,
             model::Host::parse("api-" + std::to_string(n * 7919 % 500) + ".example.com").value(),
             443};
  call.method = "POST";
  call.path = "/v1/chat/completions";
  model::Decision decision;
  const bool blocked = n % 20 == 0;
  decision.verdict = blocked ? model::Verdict::block : model::Verdict::allow;
  decision.reason = blocked ? model::Reason::rule_block : model::Reason::none;
  decision.rule_id = n % 1000 == 0 ? "egress[99]" : "egress[" + std::to_string(n * 31 % 40) + "]";
  const RunIdentity who{"run-" + std::to_string(n / 100'000), "session-1", "agent-1"};
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  facts.mode = "enforce";
  std::vector<Record> records{decision_record(who, facts, nullptr)};
  if (blocked) return records;
  OutcomeFacts outcome;
  outcome.call = &call;
  outcome.status = OutcomeStatus::succeeded;
  outcome.http_status = 200;
  records.push_back(outcome_record(who, outcome, nullptr));
  return records;
}

bool make_log(const std::string& directory, std::uint64_t count) {
  ManualClock clock(kStart);
  LogConfig config;
  config.directory = directory;
  config.heartbeat = std::chrono::hours(1);
  config.segment_bytes = std::uint64_t{1} << 30;
  config.key_file = directory + "/signing.key";
  auto log = EvidenceLog::open(config, clock);
  if (!log) return false;
  std::atomic<std::uint64_t> waiting{0};
  std::uint64_t made = 0;
  for (std::uint64_t n = 0; made < count; ++n) {
    std::vector<Record> records = call(n);
    made += records.size();
    while (waiting.load() > 10'000) std::this_thread::yield();
    ++waiting;
    log.value()->append(std::move(records), [&](std::vector<Result<Receipt>>) { --waiting; });
    clock.advance(2'000'000);
  }
  return true;
}

void ask(const std::string& directory, const char* what, const QueryOptions& options,
         const Clock& clock) {
  std::int64_t best = 0;
  std::uint64_t found = 0;
  for (int round = 0; round < 3; ++round) {
    found = 0;
    QueryTold told;
    told.each = [&](std::string_view, const Line&) { return ++found > 0; };
    told.note = [](const std::string& said) { std::fprintf(stderr, "%s\n", said.c_str()); };
    told.issue = [](const Issue& issue) { std::fprintf(stderr, "%s\n", issue.message.c_str()); };
    const std::int64_t start = clock.monotonic_nanos();
    if (!query(directory, options, told)) return;
    const std::int64_t nanos = clock.monotonic_nanos() - start;
    best = round == 0 ? nanos : std::min(best, nanos);
  }
  std::fprintf(stderr, "%-52s %8llu found %9.1f ms\n", what, static_cast<unsigned long long>(found),
               static_cast<double>(best) / 1e6);
}

QueryOptions by(std::vector<std::pair<Fact, std::string>> words, std::uint64_t limit = 100) {
  QueryOptions options;
  options.limit = limit;
  for (auto& [fact, word] : words) {
    options.filter.wanted[static_cast<std::size_t>(fact)] = std::move(word);
  }
  return options;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string directory = argv[1];
  const std::uint64_t count = argc > 2 ? std::stoull(argv[2]) : 10'000'000;
  const SystemClock clock;
  struct stat info {};
  if (::access(directory.c_str(), F_OK) != 0 && !make_log(directory, count)) return 1;
  std::int64_t start = clock.monotonic_nanos();
  const auto added = update_index(directory, Rebuild::no, {});
  if (!added) return 1;
  const double seconds = static_cast<double>(clock.monotonic_nanos() - start) / 1e9;
  ::stat((directory + "/index.sqlite").c_str(), &info);
  std::fprintf(stderr, "index: %llu records added in %.1f s (%.0f/s), %.0f MB\n",
               static_cast<unsigned long long>(added.value()), seconds,
               static_cast<double>(added.value()) / seconds,
               static_cast<double>(info.st_size) / 1e6);
  ask(directory, "a rare rule, 100 first", by({{Fact::rule, "egress[99]"}}), clock);
  ask(directory, "blocked, of one host, 100 first",
      by({{Fact::decision, "block"}, {Fact::host, "api-40.example.com"}}), clock);
  ask(directory, "two frequent words that never meet",
      by({{Fact::decision, "block"}, {Fact::type, "egress_outcome"}}), clock);
  ask(directory, "a run and a rule, all", by({{Fact::run, "run-7"}, {Fact::rule, "egress[99]"}}, 0),
      clock);
  ask(directory, "a word that is nowhere", by({{Fact::host, "nowhere.example"}}), clock);
  QueryOptions last = by({{Fact::decision, "block"}}, 0);
  last.last = 100;
  ask(directory, "blocked, 100 last", last, clock);
  QueryOptions minute = by({{Fact::decision, "block"}}, 0);
  minute.filter.since = kStart + 3'600'000'000'000;
  minute.filter.until = *minute.filter.since + 60'000'000'000;
  ask(directory, "blocked, of one minute, all", minute, clock);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::fprintf(stderr, "peak memory %ld MB\n", used.ru_maxrss / 1024);
  return 0;
}
