#include "policy/evidence/log.hpp"

#include "policy/evidence/layout.hpp"
#include "policy/evidence/log_file.hpp"
#include "policy/evidence/retention.hpp"
#include "policy/evidence/seal_record.hpp"
#include "policy/evidence/sealer.hpp"
#include "policy/evidence/writer.hpp"

#include <future>
#include <optional>
#include <utility>

#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxPolicyBytes = std::size_t{64} << 20;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

// What a signed log did not end with, or did not begin with.
void tell_missing_seals(const LogFile& file, const RunIdentity& who, bool key_was_there,
                        std::vector<Record>& records) {
  const Walk& found = file.found();
  const auto tell = [&](std::vector<EventField> fields) {
    records.push_back(event_record(who, std::string(kLogRecovered), std::move(fields), nullptr));
  };
  if (file.created() && key_was_there) tell({{"cause", "key_without_log"}});
  if (found.head.seq == 0) return;
  if (found.checkpoints == 0 && !found.key) return tell({{"cause", "log_was_not_signed"}});
  if (found.closed) return;
  std::vector<EventField> fields{
      {"cause", found.lacks_last_checkpoint ? "checkpoint_missing" : "no_clean_stop"}};
  if (found.signed_up_to < found.head.seq) {
    fields.push_back({"unsigned_from", number(found.signed_up_to + 1)});
    fields.push_back({"unsigned_to", number(found.head.seq)});
  }
  tell(std::move(fields));
}

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
  Impl(LogFile file, std::optional<Sealer> sealer, const LogConfig& config, const Clock& clock)
      : directory(config.directory), found(file.found().head),
        writer(std::move(file), std::move(sealer), config, clock) {}

  // A record with a checkpoint behind it, both on the disk. On a thread that is not the writer's.
  Result<> append_signed(Record record, std::string_view cause) {
    std::promise<Result<>> promise;
    std::future<Result<>> outcome = promise.get_future();
    std::vector<Record> one;
    one.push_back(std::move(record));
    writer.append(std::move(one), [&promise](std::vector<Result<Receipt>> results) {
      const Result<Receipt>& result = results.front();
      promise.set_value(result ? Result<>(success()) : result.error());
    });
    SLUICE_TRY(outcome.get());
    return writer.checkpoint(cause);
  }

  std::string directory;
  Head found;
  Writer writer;
  std::optional<Retainer> retainer; // after the writer, which it uses
};

EvidenceLog::EvidenceLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EvidenceLog::~EvidenceLog() = default;

Result<std::unique_ptr<EvidenceLog>> EvidenceLog::open(const LogConfig& config,
                                                       const Clock& clock) {
  const bool is_signed = !config.key_file.empty();
  SLUICE_TRY(LogFile file,
             LogFile::open(config.directory, is_signed ? Seal::with_checkpoints : Seal::none));
  std::vector<Record> first = recovery_records(file, config.who);
  std::optional<Sealer> sealer;
  if (is_signed) {
    tell_missing_seals(file, config.who, ::access(config.key_file.c_str(), F_OK) == 0, first);
    SLUICE_TRY(sealer, Sealer::open(config.key_file, file.found(), config.who));
    if (config.rotate_key) {
      SLUICE_TRY(sealer->rotate());
    }
  }
  auto impl = std::make_unique<Impl>(std::move(file), std::move(sealer), config, clock);
  SLUICE_TRY(impl->writer.start(std::move(first)));
  if (is_signed && config.retention.wanted()) {
    impl->retainer.emplace(config, clock, [log = impl.get()](Record record) {
      return log->append_signed(std::move(record), kCauseRetention);
    });
  }
  return std::unique_ptr<EvidenceLog>(new EvidenceLog(std::move(impl)));
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

Head EvidenceLog::found() const {
  return impl_->found;
}

Head EvidenceLog::head() const {
  return impl_->writer.head();
}

bool EvidenceLog::healthy() const noexcept {
  return impl_->writer.healthy();
}

} // namespace sluice::evidence
