#include "policy/evidence/retention.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/quiet_thread.hpp"
#include "policy/evidence/facts.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/log_walk.hpp"
#include "policy/evidence/seal_record.hpp"
#include "policy/evidence/segments.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

struct Segment {
  std::string name;
  std::uint64_t first_seq = 0, bytes = 0;
};

std::string inside(const std::string& directory, const std::string& name) {
  std::string path = directory;
  return path.append(1, '/').append(name);
}

std::uint64_t size_of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::vector<Segment> segments_of(const std::string& directory, std::uint64_t behind) {
  std::vector<Segment> all;
  for (const std::string& name : closed_segments(directory)) {
    const std::uint64_t first = *first_seq_of(name);
    if (first > behind) all.push_back({name, first, size_of(inside(directory, name))});
  }
  return all;
}

// The time of a segment's last record; nullopt when that cannot be read.
std::optional<std::int64_t> time_of_end(const std::string& path) {
  constexpr std::uint64_t kTail = std::uint64_t{512} << 10; // more than two records
  int error = 0;
  const UniqueFd fd = open_regular(path, error);
  if (!fd.valid()) return std::nullopt;
  const std::uint64_t size = size_of(path);
  LineReader reader(fd.get());
  if (size > kTail) {
    reader.seek(size - kTail);
    static_cast<void>(reader.next()); // most likely not the beginning of one
  }
  std::optional<std::int64_t> time;
  for (auto item = reader.next(); item.kind == LineReader::Kind::line; item = reader.next()) {
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    time = line ? time_of(*line) : std::nullopt;
  }
  return time;
}

// How many of the oldest have to go, and why.
std::size_t due(const std::string& directory, const std::vector<Segment>& segments,
                const Retention& limits, std::int64_t now, std::string& cause) {
  std::uint64_t total = size_of(audit_path(directory));
  for (const Segment& one : segments) total += one.bytes;
  std::size_t count = 0;
  while (limits.bytes != 0 && count < segments.size() && total > limits.bytes) {
    total -= segments[count++].bytes;
    cause = "size";
  }
  while (limits.age.count() != 0 && count < segments.size()) {
    const auto end = time_of_end(inside(directory, segments[count].name));
    if (!end || *end > now - limits.age.count()) break;
    ++count;
    cause = "age";
  }
  return count;
}

Error broken(const std::string& what) {
  return make_error(Origin::evidence, "evidence_chain_broken", what);
}

} // namespace

Result<std::optional<Removal>> plan_removal(const std::string& directory, const Retention& limits,
                                            std::int64_t now) {
  SLUICE_TRY(const std::optional<Retained> before, read_retained(directory));
  const std::vector<Segment> all = segments_of(directory, before ? before->head.seq : 0);
  Removal removal;
  const std::size_t count = due(directory, all, limits, now, removal.cause);
  if (count == 0) return std::optional<Removal>();
  // Up to where they go: the next segment begins behind that, audit.jsonl does too.
  WalkOptions options;
  std::optional<Issue> first;
  std::string last;
  if (before) removal.retained.keys = before->keys;
  if (count < all.size()) {
    options.until = all[count].first_seq - 1;
  } else {
    int error = 0;
    const UniqueFd fd = open_regular(audit_path(directory), error);
    LineReader reader(fd.get());
    const LineReader::Item item = reader.next();
    std::size_t stopped_at = 0;
    const auto line =
        item.kind == LineReader::Kind::line ? parse_line(item.text, stopped_at) : std::nullopt;
    if (!line || line->seq < 2) return std::optional<Removal>(); // nothing is there yet
    options.until = line->seq - 1;
  }
  options.each = [&](const Line& line, std::uint64_t) {
    if (line.event_type == kKeyCreated || line.event_type == kKeyRotated) {
      removal.retained.keys.push_back(text_of(line));
    }
    if (line.seq == options.until) last = text_of(line);
  };
  const std::uint64_t until = options.until;
  const Walk walk = walk_log(directory, std::move(options), [&first](Issue issue) {
    if (!first) first = std::move(issue);
  });
  if (first) return broken(first->message);
  removal.retained.last = last;
  auto retained = parse_retained(text_of(removal.retained));
  if (!retained || walk.signed_up_to != until || retained->head.hash != walk.head.hash) {
    return broken("the segment before record " + std::to_string(until + 1) +
                  " does not end with a signed checkpoint");
  }
  removal.retained = std::move(*retained);
  removal.first_seq = all.front().first_seq;
  for (std::size_t i = 0; i < count; ++i) {
    removal.files.push_back(all[i].name);
    removal.bytes += all[i].bytes;
  }
  return std::optional<Removal>(std::move(removal));
}

Record removal_record(const RunIdentity& who, const Removal& removal) {
  const Head& head = removal.retained.head;
  return event_record(who, std::string(kSegmentsRemoved),
                      {{"cause", removal.cause},
                       {"bytes", std::to_string(removal.bytes)},
                       {"segments", std::to_string(removal.files.size())},
                       {"first_seq", std::to_string(removal.first_seq)},
                       {"through_seq", std::to_string(head.seq)},
                       {"through_hash", head.hash},
                       {"retained_sha256", removal.retained.sha256}},
                      nullptr);
}

Result<> remove_segments(const std::string& directory, const Removal& removal) {
  SLUICE_TRY(write_file_atomically(retained_path(directory), text_of(removal.retained)));
  for (const std::string& name : removal.files) {
    const std::string path = inside(directory, name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path, errno);
  }
  return sync_directory(directory);
}

Result<> finish_removal(const std::string& directory) {
  const Head removed = retained_head(directory);
  if (removed.seq == 0) return success();
  for (const std::string& name : closed_segments(directory)) {
    if (*first_seq_of(name) > removed.seq) break;
    const std::string path = inside(directory, name);
    if (::unlink(path.c_str()) != 0) return file_error("remove", path, errno);
  }
  return sync_directory(directory);
}

Retainer::Retainer(const LogConfig& config, const Clock& clock, Tell tell)
    : directory_(config.directory), limits_(config.retention), who_(config.who),
      every_(config.heartbeat), clock_(clock), tell_(std::move(tell)) {
  thread_ = start_quiet_thread([this] { run(); });
}

Retainer::~Retainer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Retainer::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Result<> done = look();
    if (!done && done.error().detail != complained_) {
      complained_ = done.error().detail;
      static_cast<void>(
          tell_(event_record(who_, "retention_failed", {{"error", complained_}}, nullptr)));
    }
    lock.lock();
    if (!stopping_) wake_.wait_for(lock, every_);
  }
}

Result<> Retainer::look() {
  SLUICE_TRY(const std::optional<Removal> removal,
             plan_removal(directory_, limits_, clock_.unix_nanos()));
  if (!removal) return success();
  SLUICE_TRY(tell_(removal_record(who_, *removal)));
  return remove_segments(directory_, *removal);
}

} // namespace sluice::evidence
