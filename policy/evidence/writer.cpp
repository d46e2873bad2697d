#include "policy/evidence/writer.hpp"

#include <chrono>
#include <utility>

#include <csignal>

namespace sluice::evidence {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
constexpr std::size_t kEnvelopeBytes = 1024; // a line around its payload, generously
constexpr std::size_t kMaxEventTypeBytes = 64;
constexpr std::chrono::seconds kHealInterval{1};

Error unavailable(std::string_view why) {
  return make_error(Origin::evidence, "evidence_unavailable", std::string(why));
}

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

Writer::Writer(LogFile file, const LogConfig& config, const Clock& clock)
    : file_(std::move(file)), chain_(file_.head(), config.actor), commit_(config.commit),
      who_(config.who), clock_(clock) {
  // Signals belong to other threads. SIGXFSZ stays pending, so a file size limit is an error here
  // and not the end of the process.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::append(Record record, EvidenceLog::Done done) {
  std::string_view why = fault(record);
  Item item{std::move(record), std::move(done), 0, 0};
  const std::size_t size = item.size();
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (why.empty() &&
        (pending_records_ >= kMaxQueuedRecords || pending_bytes_ + size > kMaxQueuedBytes)) {
      why = "too many records wait to be written";
    }
    if (why.empty()) {
      // Under the lock, so that time and seq have the same order unless the clock itself jumps.
      item.unix_nanos = clock_.unix_nanos();
      queue_.push_back(std::move(item));
      ++pending_records_;
      pending_bytes_ += size;
    } else {
      turned_away_.push_back({std::move(item.done), why});
    }
    wake = std::exchange(sleeping_, false); // one notification for each sleep
  }
  if (wake) wake_.notify_one();
}

bool Writer::take() {
  taken_.clear();
  taken_away_.clear();
  std::unique_lock lock(mutex_);
  while (queue_.empty() && turned_away_.empty() && !stopping_) {
    sleeping_ = true;
    if (refusals_.count == 0) {
      wake_.wait(lock);
    } else if (wake_.wait_for(lock, kHealInterval) == std::cv_status::timeout) {
      break; // see whether the log can be written again, though nobody asks
    }
  }
  sleeping_ = false;
  taken_.swap(queue_);
  taken_away_.swap(turned_away_);
  return !stopping_ || !taken_.empty() || !taken_away_.empty();
}

void Writer::run() {
  while (take()) {
    for (TurnedAway& item : taken_away_) refuse(item.done, unavailable(item.why));
    if (!taken_.empty() || refusals_.count > 0) write(taken_);
  }
  if (refusals_.count > 0) write({});
  // The last word on a durable log; there is nobody left to tell when it fails.
  static_cast<void>(file_.sync());
}

void Writer::write(std::span<Item> items) {
  do {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < items.size() && bytes < kBatchBytes) bytes += items[count++].size();
    write_batch(items.first(count), bytes);
    items = items.subspan(count);
  } while (!items.empty());
}

void Writer::write_batch(std::span<Item> items, std::size_t bytes) {
  const Head before = chain_.head();
  buffer_.clear();
  if (refusals_.count > 0) chain_.append(buffer_, clock_.unix_nanos(), refusals_record());
  std::uint64_t seq = chain_.head().seq;
  for (Item& item : items) item.hash_at = chain_.append(buffer_, item.unix_nanos, item.record);

  const Result<> written = file_.write(buffer_, commit_);
  release(items.size(), bytes);
  if (!written) {
    chain_.rewind(before);
    healthy_.store(false, std::memory_order_release);
    for (Item& item : items) refuse(item.done, written.error());
    return;
  }
  refusals_ = {};
  healthy_.store(true, std::memory_order_release);
  for (Item& item : items) {
    ++seq;
    if (item.done) item.done(Receipt{seq, buffer_.substr(item.hash_at, kHashDigits)});
  }
}

void Writer::refuse(EvidenceLog::Done& done, const Error& error) {
  if (refusals_.count++ == 0) {
    refusals_.since = clock_.unix_nanos();
    refusals_.why = error.detail;
  }
  if (done) done(error);
}

void Writer::release(std::size_t records, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  pending_records_ -= records;
  pending_bytes_ -= bytes;
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
