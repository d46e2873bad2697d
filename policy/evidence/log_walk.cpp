#include "policy/evidence/log_walk.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/canonical.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/retained.hpp"
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
      : directory_(directory), options_(std::move(options)), report_(report),
        checkpoints_(checkpoint_path(directory), report),
        check_(
            std::move(options_.pin), [this] { return checkpoints_.next(); },
            [this](Issue issue) { this->report(std::move(issue)); }),
        reader_(directory) {}

  Walk run() {
    begin();
    read();
    out_.head = chain_.head();
    out_.has_checkpoint_file = checkpoints_.exists();
    if (options_.checkpoints == Checkpoints::check) finish();
    if (out_.removed_up_to != 0 && !removal_told_ && options_.until == 0) {
      report({"missing_segments",
              "records up to " + std::to_string(out_.removed_up_to) +
                  " are gone, and no record says that retention removed them",
              0, out_.removed_up_to});
    }
    return std::move(out_);
  }

 private:
  // With what stays of removed segments, as if they were read.
  void begin() {
    Result<std::optional<Retained>> read = read_retained(directory_);
    if (!read) {
      report_({"malformed", read.error().detail, 0, 0, std::string(kRetainedFile)});
      return;
    }
    if (!read.value()) return;
    retained_ = std::move(*read.value());
    out_.removed_up_to = retained_.head.seq;
    chain_ = ChainCheck(retained_.head);
    out_.tree = retained_.before;
    in_retained_ = true;
    std::uint64_t number = 0;
    for (const std::string& line : retained_.keys) retained_line(line, ++number);
    retained_line(retained_.last, ++number);
    in_retained_ = false;
    const auto bytes = from_hex(retained_.head.hash);
    Digest leaf{};
    bytes->copy(leaf.data(), leaf.size());
    out_.tree.add(leaf);
  }

  void retained_line(const std::string& text, std::uint64_t number) {
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(text, stopped_at);
    if (options_.checkpoints == Checkpoints::check) look_at_seals(*line, number, text);
  }

  void look_at_seals(const Line& line, std::uint64_t number, std::string_view text) {
    check_.record(line, number, out_.tree);
    keep_seal(); // of a record before: only now its checkpoint may have been there
    if (line.event_type != kLogCheckpoint) return;
    out_.speaks_of_checkpoints = true;
    seal_ = text;
    seal_seq_ = line.seq;
    keep_seal();
  }

  // A record that says that the records which are gone were removed, and what of them stays.
  void look_for_removal(const Line& line) {
    if (out_.removed_up_to == 0 || line.event_type != kSegmentsRemoved) return;
    const auto says = [&](std::string_view key, const std::string& value) {
      return string_of(member_of(line.payload, key)) == value;
    };
    removal_told_ = removal_told_ || (says("through_seq", std::to_string(retained_.head.seq)) &&
                                      says("through_hash", retained_.head.hash) &&
                                      says("retained_sha256", retained_.sha256));
  }

  void report(Issue issue) const {
    if (issue.file.empty() && in_retained_) issue.file = kRetainedFile;
    if (issue.file.empty() && !reader_.in_last()) issue.file = reader_.file();
    report_(std::move(issue));
  }

  void read() {
    while (true) {
      const LineReader::Item item = reader_.next();
      if (item.kind == LineReader::Kind::end) {
        // A log may grow while it is read, and a checkpoint is written after its record.
        const bool more = options_.until == 0 && options_.checkpoints == Checkpoints::check &&
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
      if (options_.until != 0 && chain_.head().seq >= options_.until) return;
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
      look_at_seals(*line, item.number, item.text);
      out_.tree.add(chain_.hash_of_last());
    }
    look_for_removal(*line);
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
    if (options_.until == 0) check_.finish(chain_.head());
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

  const std::string& directory_;
  WalkOptions options_;
  const Report& report_;
  Retained retained_;
  bool in_retained_ = false, removal_told_ = false;
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
