#include "policy/evidence/retained.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/seal_record.hpp"

#include <utility>

#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxRetained = std::size_t{16} << 20;

bool is_key(const Line& line) {
  return line.event_type == kKeyCreated || line.event_type == kKeyRotated;
}

} // namespace

std::string retained_path(const std::string& directory) {
  return directory + '/' + std::string(kRetainedFile);
}

std::string text_of(const Retained& retained) {
  std::string text;
  for (const std::string& line : retained.keys) text.append(line).append(1, '\n');
  return text.append(retained.last).append(1, '\n');
}

std::optional<Retained> parse_retained(std::string_view text) {
  Retained out;
  out.sha256 = to_hex(sha256(text));
  std::uint64_t seq = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view one = text.substr(0, end);
    std::size_t stopped_at = 0;
    const std::optional<Line> line = parse_line(one, stopped_at);
    if (end == text.npos || !line || line->seq <= seq ||
        to_hex(view(hash_of(*line))) != line->record_hash) {
      return std::nullopt;
    }
    text.remove_prefix(end + 1);
    seq = line->seq;
    if (!text.empty()) {
      if (!is_key(*line)) return std::nullopt;
      out.keys.emplace_back(one);
      continue;
    }
    const auto facts = read_checkpoint(line->payload);
    auto before = facts ? tree_of(*facts) : std::nullopt;
    if (line->event_type != kLogCheckpoint || !before || before->size() + 1 != seq) {
      return std::nullopt;
    }
    out.last = one;
    out.head = {seq, std::string(line->record_hash)};
    out.before = std::move(*before);
  }
  if (out.last.empty()) return std::nullopt;
  return out;
}

Result<std::optional<Retained>> read_retained(const std::string& directory) {
  const std::string path = retained_path(directory);
  if (::access(path.c_str(), F_OK) != 0) return std::optional<Retained>();
  SLUICE_TRY(const std::string text, read_file(path, kMaxRetained));
  std::optional<Retained> retained = parse_retained(text);
  if (retained) return retained;
  return make_error(Origin::evidence, "evidence_chain_broken",
                    std::string(kRetainedFile) + ": not what is kept of removed segments");
}

Head retained_head(const std::string& directory) {
  const auto retained = read_retained(directory);
  if (!retained || !retained.value()) return {};
  return retained.value()->head;
}

} // namespace sluice::evidence
