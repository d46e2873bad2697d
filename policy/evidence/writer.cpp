#include "policy/evidence/writer.hpp"

#include "policy/base/quiet_thread.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/seal_record.hpp"

#include <chrono>
#include <utility>

namespace sluice::evidence {
namespace {

constexpr std::size_t kGroupBytes = std::size_t{1} << 20;
constexpr std::size_t kEnvelopeBytes = 1024; // a line around its payload, generously
constexpr std::size_t kMaxEventTypeBytes = 64;
constexpr std::chrono::seconds kHealInterval{1};

// Why a record cannot stand in the log whatever its state; "" when it can.
std::string_view fault(const Record& record) {
  const std::string& payload = record.payload;
  if (payload.size() + kEnvelopeBytes > kMaxRecordBytes ||
      record.event_type.size() > kMaxEventTypeBytes) {
    return "the record is larger than 256 KiB";
  }
  // JsonWriter made it; what is checked here is what would break the line structure of the file.
  const bool object = payload.size() >= 2 && payload.front() == '{' && payload.back() == '}';
  if (!object || payload.find('\n') != payload.npos) return "the payload is not a JSON object";
  return {};
}

} // namespace

Writer::Writer(LogFile file, std::optional<Sealer> sealer, const LogConfig& config,
               const Clock& clock)
    : file_(std::move(file)), chain_(file_.found().head, config.actor), sealer_(std::move(sealer)),
      tree_(file_.found().tree), counts_(config.counts), on_checkpoint_(config.on_checkpoint),
      beat_every_(config.heartbeat.count()), started_(clock.monotonic_nanos()),
      next_beat_(started_ + beat_every_), segment_bytes_(config.segment_bytes),
      segment_age_(config.segment_age.count()), segment_since_(started_), commit_(config.commit),
      who_(config.who), clock_(clock), head_(chain_.head()) {}

Result<> Writer::start(std::vector<Record> first) {
  if (sealer_) {
    if (file_.found().lacks_last_checkpoint) {
      unsettled_ = sealer_->checkpoint(chain_.head(), clock_.unix_nanos());
      SLUICE_TRY(settle());
    }
    const std::vector<Record>& keys = sealer_->opening();
    const bool rotates = !keys.empty() && keys.back().event_type == kKeyRotated;
    first.insert(first.end(), keys.begin(), keys.end());
    if (!first.empty()) {
      SLUICE_TRY(write_own(first));
    }
    SLUICE_TRY(sealer_->use_next_key());
    SLUICE_TRY(seal(rotates ? kCauseKey : kCauseStart));
  } else if (!first.empty()) {
    SLUICE_TRY(write_own(first));
  }
  thread_ = start_quiet_thread([this] { run(); });
  return success();
}

Writer::~Writer() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Writer::Batch Writer::make_batch(std::vector<Record> records, EvidenceLog::BatchDone done) {
  Batch batch;
  batch.done = std::move(done);
  batch.entries.reserve(records.size());
  for (Record& record : records) {
    const std::string_view why = fault(record);
    if (why.empty()) {
      ++batch.records;
      batch.bytes += record.payload.size() + record.event_type.size();
    } else {
      record = {};
    }
    batch.entries.push_back(Entry{std::move(record), why});
  }
  return batch;
}

void Writer::append(std::vector<Record> records, EvidenceLog::BatchDone done) {
  if (records.empty()) return;
  Batch batch = make_batch(std::move(records), std::move(done));
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (pending_records_ + batch.records > kMaxQueuedRecords ||
        pending_bytes_ + batch.bytes > kMaxQueuedBytes) {
      for (Entry& entry : batch.entries) entry = {{}, "too many records wait to be written"};
      batch.records = batch.bytes = 0;
    }
    // Under the lock, so that time and seq have the same order unless the clock itself jumps.
    batch.unix_nanos = clock_.unix_nanos();
    pending_records_ += batch.records;
    pending_bytes_ += batch.bytes;
    queue_.push_back(std::move(batch));
    wake = std::exchange(sleeping_, false); // one notification for each sleep
  }
  if (wake) wake_.notify_one();
}

bool Writer::take() {
  taken_.clear();
  std::unique_lock lock(mutex_);
  while (queue_.empty() && asked_.empty() && !stopping_) {
    sleeping_ = true;
    if (refusals_.count == 0 && !sealer_) {
      wake_.wait(lock);
      continue;
    }
    std::chrono::nanoseconds limit = kHealInterval; // try again, though nobody asks
    if (refusals_.count == 0) {
      limit = std::chrono::nanoseconds(next_beat_ - clock_.monotonic_nanos());
    }
    if (limit.count() <= 0 || wake_.wait_for(lock, limit) == std::cv_status::timeout) break;
  }
  sleeping_ = false;
  taken_.swap(queue_);
  return !stopping_ || !taken_.empty();
}

void Writer::run() {
  while (take()) {
    if (!taken_.empty() || refusals_.count > 0) write(taken_);
    answer_asked();
    if (beat_due()) beat();
    if (segment_due()) close_segment();
  }
  close();
}

bool Writer::segment_due() const {
  if (!sealer_ || file_.size() == 0) return false;
  if (segment_bytes_ != 0 && file_.size() >= segment_bytes_) {
    return clock_.monotonic_nanos() >= not_before_;
  }
  const std::int64_t now = clock_.monotonic_nanos();
  return segment_age_ != 0 && now - segment_since_ >= segment_age_ && now >= not_before_;
}

// A segment ends with a signed checkpoint. One that cannot be closed is written on.
void Writer::close_segment() {
  Result<> done = seal(kCauseSegment);
  if (done) done = file_.rotate(chain_.head().seq + 1);
  const std::int64_t now = clock_.monotonic_nanos();
  segment_since_ = now;
  not_before_ = done ? 0 : now + std::chrono::nanoseconds(kHealInterval).count();
}

// There is nobody left to tell when something of this fails: the next start tells it.
void Writer::close() {
  answer_asked();
  if (refusals_.count > 0) write({});
  if (sealer_) static_cast<void>(seal(kCauseStop));
  static_cast<void>(file_.sync());
}

bool Writer::beat_due() const {
  return sealer_ && clock_.monotonic_nanos() >= next_beat_;
}

void Writer::beat() {
  const std::int64_t now = clock_.monotonic_nanos();
  const Record record =
      heartbeat_record(who_, counts_ ? counts_() : std::vector<Count>(), now - started_);
  Result<> kept = write_own({&record, 1});
  if (kept) kept = seal(kCauseHeartbeat);
  next_beat_ = now + (kept ? beat_every_ : std::chrono::nanoseconds(kHealInterval).count());
  if (!kept) healthy_.store(false, std::memory_order_release);
  if (kept && refusals_.count == 0) healthy_.store(true, std::memory_order_release);
}

// A record of the log about itself; nobody waits for its receipt.
Result<> Writer::write_own(std::span<const Record> records) {
  const Head before = chain_.head();
  buffer_.clear();
  for (const Record& record : records) {
    chain_.append(buffer_, clock_.unix_nanos(), record);
    leaves_.push_back(chain_.digest());
  }
  return write_buffer(before);
}

// All of buffer_ and leaves_, or nothing: then the chain is back where it was.
Result<> Writer::write_buffer(const Head& before) {
  Result<> written = settle();
  if (written) written = file_.write(buffer_, commit_);
  if (!written) {
    chain_.rewind(before);
  } else if (sealer_) {
    for (const Digest& leaf : leaves_) tree_.add(leaf);
  }
  leaves_.clear();
  if (written) {
    const std::lock_guard lock(mutex_);
    head_ = chain_.head();
  }
  return written;
}

// A record that promises a checkpoint is followed by it before by anything else, so that one that
// is missing can only be the last.
Result<> Writer::settle() {
  if (unsettled_.empty()) return success();
  SLUICE_TRY(file_.write_checkpoint(unsettled_));
  if (on_checkpoint_) on_checkpoint_(unsettled_);
  unsettled_.clear();
  return success();
}

Result<> Writer::seal(std::string_view cause) {
  SLUICE_TRY(settle());
  const Record record = sealer_->record(cause, tree_);
  SLUICE_TRY(write_own({&record, 1}));
  unsettled_ = sealer_->checkpoint(chain_.head(), clock_.unix_nanos());
  return settle();
}

Result<> Writer::checkpoint(std::string_view cause) {
  std::future<Result<>> outcome;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !sealer_) return unavailable("the log is not signed any more");
    asked_.push_back({cause, {}});
    outcome = asked_.back().done.get_future();
  }
  wake_.notify_one();
  return outcome.get();
}

void Writer::answer_asked() {
  std::vector<Asked> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(asked_);
  }
  for (Asked& one : asked) one.done.set_value(seal(one.cause));
}

Head Writer::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

void Writer::write(std::span<Batch> batches) {
  do {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < batches.size() && bytes < kGroupBytes) bytes += batches[count++].bytes;
    write_group(batches.first(count));
    batches = batches.subspan(count);
  } while (!batches.empty());
}

void Writer::write_group(std::span<Batch> group) {
  for (const Batch& batch : group) {
    for (const Entry& entry : batch.entries) {
      if (!entry.refused_for.empty()) count_refusal(entry.refused_for);
    }
  }
  const Head before = chain_.head();
  buffer_.clear();
  if (refusals_.count > 0) {
    chain_.append(buffer_, clock_.unix_nanos(), refusals_record());
    leaves_.push_back(chain_.digest());
  }
  std::uint64_t seq = chain_.head().seq;
  for (Batch& batch : group) {
    for (Entry& entry : batch.entries) {
      if (!entry.refused_for.empty()) continue;
      entry.hash_at = chain_.append(buffer_, batch.unix_nanos, entry.record);
      leaves_.push_back(chain_.digest());
    }
  }

  const Result<> written = write_buffer(before);
  release(group);
  if (!written) {
    healthy_.store(false, std::memory_order_release);
    for (Batch& batch : group) answer_all_refused(batch, written.error());
    return;
  }
  refusals_ = {};
  healthy_.store(true, std::memory_order_release);
  for (Batch& batch : group) answer(batch, seq);
}

void Writer::answer(Batch& batch, std::uint64_t& seq) {
  std::vector<Result<Receipt>> results;
  if (batch.done) results.reserve(batch.entries.size());
  for (const Entry& entry : batch.entries) {
    const bool kept = entry.refused_for.empty();
    if (kept) ++seq;
    if (!batch.done) continue;
    if (kept) {
      results.emplace_back(Receipt{seq, buffer_.substr(entry.hash_at, kHashDigits)});
    } else {
      results.emplace_back(unavailable(std::string(entry.refused_for)));
    }
  }
  if (batch.done) batch.done(std::move(results));
}

void Writer::answer_all_refused(Batch& batch, const Error& error) {
  std::vector<Result<Receipt>> results;
  results.reserve(batch.entries.size());
  for (const Entry& entry : batch.entries) {
    if (entry.refused_for.empty()) {
      count_refusal(error.detail);
      results.emplace_back(error);
    } else {
      results.emplace_back(unavailable(std::string(entry.refused_for)));
    }
  }
  if (batch.done) batch.done(std::move(results));
}

void Writer::count_refusal(std::string_view why) {
  if (refusals_.count++ > 0) return;
  refusals_.since = clock_.unix_nanos();
  refusals_.why = why;
}

void Writer::release(std::span<const Batch> group) {
  const std::lock_guard lock(mutex_);
  for (const Batch& batch : group) {
    pending_records_ -= batch.records;
    pending_bytes_ -= batch.bytes;
  }
}

Record Writer::refusals_record() const {
  return event_record(who_, "log_recovered",
                      {{"cause", "records_refused"},
                       {"error", refusals_.why},
                       {"refused_count", std::to_string(refusals_.count)},
                       {"refused_since", format_rfc3339_nanos(refusals_.since)}},
                      nullptr);
}

} // namespace sluice::evidence
