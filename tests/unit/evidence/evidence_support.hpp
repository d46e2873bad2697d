// What the tests of the evidence share: a directory that goes away, whole files as text, records
// with known content. Never used by the product.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/evidence/log.hpp"
#include "policy/evidence/segments.hpp"
#include "policy/evidence/verify.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace sluice::evidence::test {

inline constexpr std::int64_t kStart = 1'767'323'045'000'000'000; // 2026-01-02T03:04:05Z

// A disk with room for this many bytes in a file: writing more fails with EFBIG, as ENOSPC would.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-evidence-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(std::string_view inside = {}) const {
    return inside.empty() ? path_ : path_ + '/' + std::string(inside);
  }
  std::string log() const { return path("evidence"); }
  std::string audit() const { return path("evidence/audit.jsonl"); }

 private:
  std::string path_;
};

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(in.good(), "cannot read " << path);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  BOOST_REQUIRE_MESSAGE(out.good(), "cannot write " << path);
}

inline std::vector<std::string> lines_of(const std::string& text) { // newlines included
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

inline std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

inline std::string vector_text(std::string_view name) {
  return read_text(std::string(SLUICE_SOURCE_DIR) + "/tests/vectors/evidence/" + std::string(name));
}

inline LogConfig config_for(const TempDirectory& directory, Commit commit = Commit::written) {
  LogConfig config;
  config.directory = directory.log();
  config.commit = commit;
  config.who = {"run-1", "session-1", "agent-1"};
  return config;
}

inline LogConfig signed_config(const TempDirectory& directory) {
  LogConfig config = config_for(directory);
  config.key_file = directory.path("signing.key"); // outside, so that it outlives the log
  return config;
}

inline Record numbered(std::uint64_t n, std::string_view filler = {}) {
  return event_record({"run-1", "session-1", "agent-1"}, "run_start",
                      {{"n", std::to_string(n)}, {"text", std::string(filler)}}, nullptr);
}

inline std::unique_ptr<EvidenceLog> open_log(const LogConfig& config, const Clock& clock) {
  Result<std::unique_ptr<EvidenceLog>> log = EvidenceLog::open(config, clock);
  if (!log) BOOST_FAIL(log.error().code << ": " << log.error().detail);
  return std::move(log).value();
}

inline void write_log(const TempDirectory& directory, std::uint64_t records) {
  ManualClock clock(kStart);
  const auto log = open_log(config_for(directory), clock);
  for (std::uint64_t n = 1; n <= records; ++n) {
    clock.advance(1'500'000'000);
    BOOST_REQUIRE(log->append_and_wait(numbered(n)).has_value());
  }
}

// Three records around which the log signs: 1 key, 2 checkpoint, 3 to 5 records, 6 checkpoint.
inline void write_signed_log(const TempDirectory& directory, std::uint64_t records = 3) {
  ManualClock clock(kStart);
  const auto log = open_log(signed_config(directory), clock);
  for (std::uint64_t n = 1; n <= records; ++n) {
    clock.advance(1'500'000'000);
    BOOST_REQUIRE(log->append_and_wait(numbered(n)).has_value());
  }
}

// A signed log that begins a new segment every 4000 bytes.
struct SegmentedLog {
  TempDirectory directory;
  SystemClock clock;
  LogConfig config = signed_config(directory);

  SegmentedLog() { config.segment_bytes = 4000; }

  void append(int count) const {
    const auto log = open_log(config, clock);
    for (int n = 0; n < count; ++n) BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
  }
  std::vector<std::string> closed() const { return closed_segments(directory.log()); }
  std::string inside(const std::string& name) const { return directory.log() + '/' + name; }
  std::string fault() const {
    const auto log = EvidenceLog::open(config, clock);
    return log ? "" : log.error().code;
  }
};

inline std::string describe(const Verification& verification) {
  std::string text = std::to_string(verification.audit_record_count) + " records";
  for (const Issue& issue : verification.issues) {
    text += "; " + issue.type + " line " + std::to_string(issue.line) + ": " + issue.message;
  }
  return text;
}

// The chain alone: what a log without a key is.
inline Verification verify_chain(const std::string& directory,
                                 std::optional<ExpectedHead> head = std::nullopt) {
  VerifyOptions options;
  options.head = std::move(head);
  options.checkpoints = Checkpoints::ignore;
  return verify_directory(directory, std::move(options));
}

inline void check_passes(const std::string& directory, std::uint64_t records) {
  const Verification verification = verify_chain(directory);
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(verification.audit_record_count == records);
  BOOST_TEST(verification.audit_head_seq == records);
}

} // namespace sluice::evidence::test
