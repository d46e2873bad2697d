// The writer thread: takes records from any thread, chains them, and writes them in batches, one
// write(2) each. Whoever appends waits for nothing but a short lock. Never tells a caller that a
// record is kept before it is; never keeps quiet about one that was refused.
// Tested by tests/unit/evidence/log_test.cpp and tests/unit/evidence/log_fault_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/evidence/chain.hpp"
#include "policy/evidence/log.hpp"
#include "policy/evidence/log_file.hpp"
#include "policy/evidence/merkle.hpp"
#include "policy/evidence/record.hpp"
#include "policy/evidence/sealer.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::evidence {

inline constexpr std::size_t kMaxRecordBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMaxQueuedRecords = 65'536;
inline constexpr std::size_t kMaxQueuedBytes = std::size_t{64} << 20;

class Writer {
 public:
  Writer(LogFile file, std::optional<Sealer> sealer, const LogConfig& config, const Clock& clock);
  // Everything appended is written, or refused, and a signed log is closed before it returns.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Writes what must stand before anything that is appended, signs a checkpoint over it, and starts
  // the thread. Nothing is written when it fails, or it is told at the next start.
  Result<> start(std::vector<Record> first);
  void append(std::vector<Record> records, EvidenceLog::BatchDone done);
  // Signs what is in the log by now; returns when that is on the disk. Not on the writer's thread,
  // and for a signed log only.
  Result<> checkpoint(std::string_view cause);
  Head head() const;
  bool healthy() const noexcept { return healthy_.load(std::memory_order_acquire); }

 private:
  struct Entry {
    Record record;
    std::string_view refused_for; // known before it is written; "" = to be written
    std::size_t hash_at = 0;      // in buffer_
  };
  struct Batch { // what was appended together; one that the queue had no room for is all refused
    std::vector<Entry> entries;
    EvidenceLog::BatchDone done;
    std::int64_t unix_nanos = 0;
    std::size_t records = 0; // to be written
    std::size_t bytes = 0;   // of those
  };
  struct Refusals { // not yet told in the log
    std::uint64_t count = 0;
    std::int64_t since = 0;
    std::string why; // of the first
  };

  Result<> write_own(std::span<const Record> records);
  Result<> write_buffer(const Head& before);
  Result<> settle();
  Result<> seal(std::string_view cause);
  bool segment_due() const;
  void close_segment();
  bool beat_due() const;
  void beat();
  void close();
  void answer_asked();
  static Batch make_batch(std::vector<Record> records, EvidenceLog::BatchDone done);
  void run();
  bool take(); // false when there is nothing left to do, ever
  void write(std::span<Batch> batches);
  void write_group(std::span<Batch> group);
  void answer(Batch& batch, std::uint64_t& seq);
  void answer_all_refused(Batch& batch, const Error& error);
  void count_refusal(std::string_view why);
  void release(std::span<const Batch> group);
  Record refusals_record() const;

  // Used by the writer thread only.
  LogFile file_;
  ChainWriter chain_;
  std::optional<Sealer> sealer_;
  MerkleTree tree_;            // of what is in the file
  std::vector<Digest> leaves_; // of what is in buffer_
  std::string unsettled_;      // a checkpoint whose record is written: nothing is, before it
  std::function<std::vector<Count>()> counts_;
  std::function<void(const std::string&)> on_checkpoint_;
  const std::int64_t beat_every_;
  const std::int64_t started_;
  std::int64_t next_beat_;
  const std::uint64_t segment_bytes_;
  const std::int64_t segment_age_;
  std::int64_t segment_since_;  // when this process began with it
  std::int64_t not_before_ = 0; // when closing a segment failed
  const Commit commit_;
  const RunIdentity who_;
  const Clock& clock_;
  std::string buffer_;
  std::vector<Batch> taken_;
  Refusals refusals_;

  std::atomic<bool> healthy_{true};

  mutable std::mutex mutex_; // guards all below
  Head head_;                // of what is in the file
  std::condition_variable wake_;
  std::vector<Batch> queue_;
  std::size_t pending_records_ = 0; // queued or taken, not yet answered
  std::size_t pending_bytes_ = 0;
  struct Asked { // for a checkpoint
    std::string_view cause;
    std::promise<Result<>> done;
  };
  std::vector<Asked> asked_;
  bool sleeping_ = false;
  bool stopping_ = false;

  std::thread thread_; // last: it uses everything above
};

} // namespace sluice::evidence
