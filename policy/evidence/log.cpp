#include "policy/evidence/log.hpp"

#include "policy/evidence/layout.hpp"
#include "policy/evidence/log_file.hpp"
#include "policy/evidence/writer.hpp"

#include <future>
#include <optional>
#include <utility>

#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{64} << 20;

// What the log itself went through before it was opened, as records.
std::vector<Record> recovery_records(const LogFile& file, const RunIdentity& who) {
  std::vector<Record> records;
  for (const TornTail& torn : file.torn()) {
    records.push_back(event_record(who, "log_recovered",
                                   {{"cause", "torn_line"},
                                    {"file", torn.file},
                                    {"size", std::to_string(torn.size)},
                                    {"torn_sha256", torn.sha256}},
                                   nullptr));
  }
  if (file.found_empty() && records.empty()) {
    records.push_back(event_record(who, "log_recovered", {{"cause", "empty_log"}}, nullptr));
  }
  return records;
}

} // namespace

struct EvidenceLog::Impl {
  Impl(std::string where, LogFile file, const LogConfig& config, const Clock& clock)
      : directory(std::move(where)), writer(std::move(file), config, clock) {}

  std::string directory;
  Writer writer;
};

EvidenceLog::EvidenceLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EvidenceLog::~EvidenceLog() = default;

Result<std::unique_ptr<EvidenceLog>> EvidenceLog::open(const LogConfig& config,
                                                       const Clock& clock) {
  SLUICE_TRY(LogFile file, LogFile::open(config.directory));
  std::vector<Record> recovered = recovery_records(file, config.who);
  std::unique_ptr<EvidenceLog> log(
      new EvidenceLog(std::make_unique<Impl>(config.directory, std::move(file), config, clock)));
  for (Record& record : recovered) {
    const Result<Receipt> told = log->append_and_wait(std::move(record));
    if (!told) return told.error();
  }
  return log;
}

void EvidenceLog::append(Record record, Done done) {
  std::vector<Record> one;
  one.push_back(std::move(record));
  BatchDone told;
  if (done) {
    told = [done = std::move(done)](std::vector<Result<Receipt>> results) {
      done(std::move(results.front()));
    };
  }
  append(std::move(one), std::move(told));
}

void EvidenceLog::append(std::vector<Record> records, BatchDone done) {
  impl_->writer.append(std::move(records), std::move(done));
}

Result<Receipt> EvidenceLog::append_and_wait(Record record) {
  std::promise<Result<Receipt>> promise;
  std::future<Result<Receipt>> outcome = promise.get_future();
  append(std::move(record),
         [&promise](Result<Receipt> result) { promise.set_value(std::move(result)); });
  return outcome.get();
}

Result<> EvidenceLog::store_policy(const std::string& digest, const std::string& canonical_json) {
  // The digest becomes a file name, so nothing but the true one is accepted.
  if (policy_digest(canonical_json) != digest) {
    return make_error(Origin::internal, "policy_digest_mismatch",
                      "the digest is not that of the snapshot");
  }
  SLUICE_TRY(make_directory(policies_path(impl_->directory)));
  const std::string path = policy_path(impl_->directory, digest);
  if (::access(path.c_str(), F_OK) != 0) return write_file_atomically(path, canonical_json);
  SLUICE_TRY(const std::string stored, read_file(path, kMaxPolicyBytes));
  if (stored == canonical_json) return success();
  return make_error(Origin::evidence, "evidence_policy_changed",
                    path + " does not hold the policy it is named after");
}

bool EvidenceLog::healthy() const noexcept {
  return impl_->writer.healthy();
}

} // namespace sluice::evidence
