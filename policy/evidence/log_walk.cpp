#include "policy/evidence/log_walk.hpp"

#include "policy/evidence/layout.hpp"
#include "policy/evidence/seal_record.hpp"
#include "policy/evidence/segments.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

namespace sluice::evidence {
namespace {

using Report = std::function<void(Issue)>;

// The checkpoints of a file one after the other; lines that are none are reported and left out.
class CheckpointReader {
 public:
  CheckpointReader(const std::string& path, const Report& report) : report_(report) {
    int error = 0;
    fd_ = open_regular(path, error);
    if (fd_.valid()) {
      reader_.emplace(fd_.get());
    } else if (error != ENOENT) {
      complain({"missing_file", file_error("open", kCheckpointFile, error).detail, 0, 0});
    }
  }

  std::optional<NumberedCheckpoint> next() {
    while (reader_ && !tail_) {
      const LineReader::Item item = reader_->next();
      switch (item.kind) {
      case LineReader::Kind::end: return std::nullopt;
      case LineReader::Kind::torn:
        tail_ = Tail{std::string(item.text), item.number, item.offset};
        return std::nullopt;
      case LineReader::Kind::failed: complain(*issue_of(item)); return std::nullopt;
      case LineReader::Kind::too_long: complain(*issue_of(item)); continue;
      case LineReader::Kind::line: break;
      }
      if (auto checkpoint = parse_checkpoint(item.text)) {
        return NumberedCheckpoint{std::move(*checkpoint), item.number};
      }
      complain({"malformed", "not a canonical checkpoint", item.number, 0});
    }
    return std::nullopt;
  }

  bool exists() const noexcept { return reader_.has_value(); }
  std::optional<Tail>& tail() noexcept { return tail_; }

 private:
  void complain(Issue issue) {
    issue.file = kCheckpointFile;
    report_(std::move(issue));
  }

  const Report& report_;
  UniqueFd fd_;
  std::optional<LineReader> reader_;
  std::optional<Tail> tail_;
};

class Walker {
 public:
  Walker(const std::string& directory, WalkOptions options, const Report& report)
      : options_(std::move(options)), report_(report),
        checkpoints_(checkpoint_path(directory), report),
        check_(
            std::move(options_.pin), [this] { return checkpoints_.next(); },
            [this](Issue issue) { this->report(std::move(issue)); }),
        reader_(directory) {}

  Walk run() {
    read();
    out_.head = chain_.head();
    out_.has_checkpoint_file = checkpoints_.exists();
    if (options_.checkpoints == Checkpoints::check) finish();
    return std::move(out_);
  }

 private:
  void report(Issue issue) const {
    if (issue.file.empty() && !reader_.in_last()) issue.file = reader_.file();
    report_(std::move(issue));
  }

  void read() {
    while (true) {
      const LineReader::Item item = reader_.next();
      if (item.kind == LineReader::Kind::end) {
        // A log may grow while it is read, and a checkpoint is written after its record.
        const bool more = options_.checkpoints == Checkpoints::check &&
                          check_.expects_more(chain_.head().seq) && !std::exchange(waited_, true);
        if (!more) return;
        continue;
      }
      if (item.kind != LineReader::Kind::failed) ++out_.lines;
      if (item.kind == LineReader::Kind::torn && reader_.in_last()) {
        out_.audit_tail = Tail{std::string(item.text), item.number, item.offset};
        return;
      }
      if (auto issue = issue_of(item)) {
        report(std::move(*issue));
        if (item.kind == LineReader::Kind::failed) return;
        continue;
      }
      waited_ = false;
      line(item);
    }
  }

  void line(const LineReader::Item& item) {
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(item.text, stopped_at);
    if (!line) return report(not_canonical(item.number, stopped_at));
    ++out_.records;
    if (item.number == 1) begin_segment(*line);
    if (std::optional<Issue> issue = chain_.next(*line)) {
      issue->line = item.number;
      report(std::move(*issue));
    }
    if (options_.checkpoints == Checkpoints::check) {
      check_.record(*line, item.number, out_.tree);
      keep_seal(); // of a record before: only now its checkpoint may have been there
      if (line->event_type == kLogCheckpoint) {
        out_.speaks_of_checkpoints = true;
        seal_ = item.text;
        seal_seq_ = line->seq;
        keep_seal();
      }
      out_.tree.add(chain_.hash_of_last());
    }
    if (options_.each) options_.each(*line, item.number);
  }

  void begin_segment(const Line& line) {
    if (reader_.in_last()) {
      out_.last_segment_from = line.seq;
    } else if (first_seq_of(reader_.file()) != line.seq) {
      report({"malformed", "the segment does not begin with the record it is named after", 1,
              line.seq});
    }
  }

  void keep_seal() {
    if (seal_seq_ == 0 || check_.signed_up_to() != seal_seq_) return;
    seal_seq_ = 0;
    out_.last_checkpoint_record.swap(seal_);
    if (check_.key()) out_.last_checkpoint_key = check_.key()->pem();
  }

  void finish() {
    check_.finish(chain_.head());
    keep_seal();
    out_.checkpoints = check_.count();
    out_.last_checkpoint = check_.last();
    out_.signed_up_to = check_.signed_up_to();
    out_.closed = check_.closed();
    out_.added_after_stop = check_.added_after_stop();
    out_.lacks_last_checkpoint = check_.lacks_last();
    out_.key = check_.key();
    out_.checkpoint_tail = std::move(checkpoints_.tail());
  }

  WalkOptions options_;
  const Report& report_;
  CheckpointReader checkpoints_;
  CheckpointCheck check_;
  SegmentReader reader_;
  ChainCheck chain_;
  Walk out_;
  std::string seal_; // a log_checkpoint record that waits for its checkpoint, and its number
  std::uint64_t seal_seq_ = 0;
  bool waited_ = false; // at the end already, for the record that a checkpoint names
};

} // namespace

Issue not_canonical(std::uint64_t line, std::size_t stopped_at) {
  return {"malformed", "not a canonical record, from byte " + std::to_string(stopped_at + 1), line,
          0};
}

std::optional<Issue> issue_of(const LineReader::Item& item) {
  switch (item.kind) {
  case LineReader::Kind::torn:
    return Issue{"tail_truncation", "the last line has no newline", item.number, 0};
  case LineReader::Kind::too_long:
    return Issue{"malformed", "the line is longer than 1 MiB", item.number, 0};
  case LineReader::Kind::failed:
    return Issue{"missing_file", file_error("open or read", kAuditFile, item.error).detail,
                 item.number, 0};
  case LineReader::Kind::line:
  case LineReader::Kind::end: break;
  }
  return std::nullopt;
}

Walk walk_log(const std::string& directory, WalkOptions options,
              const std::function<void(Issue)>& report) {
  return Walker(directory, std::move(options), report).run();
}

} // namespace sluice::evidence
