#include "policy/evidence/checkpoint.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/canonical.hpp"
#include "policy/evidence/json_writer.hpp"

#include <charconv>
#include <utility>

namespace sluice::evidence {
namespace {

bool read_integer(Scanner& scanner, std::uint64_t& value) {
  std::string_view raw;
  if (!scanner.digits(raw)) return false;
  return std::from_chars(raw.data(), raw.data() + raw.size(), value).ec == std::errc{};
}

bool read_string(Scanner& scanner, std::string& value) {
  std::string_view raw;
  if (!scanner.string(raw)) return false;
  value = unescape(raw);
  return true;
}

// The members that are hashed, up to the place where the line has its hash and signature.
std::string hashed_members(const Checkpoint& checkpoint) {
  std::string out = R"({"seq":)" + std::to_string(checkpoint.seq) + R"(,"head_anchor_seq":)" +
                    std::to_string(checkpoint.anchor.seq) + R"(,"head_anchor_hash":)";
  append_json_string(out, checkpoint.anchor.hash);
  out += R"(,"prev_checkpoint_hash":)";
  append_json_string(out, checkpoint.prev_checkpoint_hash);
  return out;
}

std::string timestamp_member(const Checkpoint& checkpoint) {
  std::string out = R"(,"timestamp":)";
  append_json_string(out, checkpoint.timestamp);
  return out + '}';
}

// Base64 has unused bits at its end: two texts may mean the same bytes.
bool is_canonical_base64(std::string_view text) {
  const std::optional<std::string> bytes = from_base64(text);
  return bytes && to_base64(*bytes) == text;
}

} // namespace

std::string hash_of(const Checkpoint& checkpoint) {
  return to_hex(sha256(hashed_members(checkpoint) + timestamp_member(checkpoint)));
}

std::string line_of(const Checkpoint& checkpoint) {
  std::string out = hashed_members(checkpoint) + R"(,"checkpoint_hash":)";
  append_json_string(out, checkpoint.checkpoint_hash);
  out += R"(,"signature":)";
  append_json_string(out, checkpoint.signature);
  return out + timestamp_member(checkpoint) + '\n';
}

std::optional<Checkpoint> parse_checkpoint(std::string_view line) {
  Scanner scanner(line);
  Checkpoint out;
  const bool read =
      scanner.literal(R"({"seq":)") && read_integer(scanner, out.seq) &&
      scanner.literal(R"(,"head_anchor_seq":)") && read_integer(scanner, out.anchor.seq) &&
      scanner.literal(R"(,"head_anchor_hash":)") && read_string(scanner, out.anchor.hash) &&
      scanner.literal(R"(,"prev_checkpoint_hash":)") &&
      read_string(scanner, out.prev_checkpoint_hash) && scanner.literal(R"(,"checkpoint_hash":)") &&
      read_string(scanner, out.checkpoint_hash) && scanner.literal(R"(,"signature":)") &&
      read_string(scanner, out.signature) && scanner.literal(R"(,"timestamp":)") &&
      read_string(scanner, out.timestamp) && scanner.literal("}") && scanner.done();
  if (!read || !is_hash(out.anchor.hash) || !is_hash(out.checkpoint_hash)) return std::nullopt;
  if (!out.prev_checkpoint_hash.empty() && !is_hash(out.prev_checkpoint_hash)) return std::nullopt;
  if (!is_canonical_base64(out.signature)) return std::nullopt;
  return out;
}

Checkpoint next_checkpoint(const Checkpoint& before, Head anchor, std::string timestamp) {
  Checkpoint next;
  next.seq = before.seq + 1;
  next.anchor = std::move(anchor);
  next.prev_checkpoint_hash = before.checkpoint_hash;
  next.timestamp = std::move(timestamp);
  next.checkpoint_hash = hash_of(next);
  return next;
}

std::optional<Issue> check_link(const Checkpoint& before, const Checkpoint& checkpoint) {
  const std::string name = "checkpoint " + std::to_string(checkpoint.seq);
  const auto issue = [&](std::string_view type, const std::string& what) {
    return Issue{std::string(type), name + what, 0, checkpoint.anchor.seq};
  };
  if (hash_of(checkpoint) != checkpoint.checkpoint_hash) {
    return issue("broken_checkpoint_chain", " does not have the hash it names");
  }
  if (checkpoint.seq != before.seq + 1) {
    return issue(checkpoint.seq > before.seq ? "missing_checkpoint" : "broken_checkpoint_chain",
                 " follows checkpoint " + std::to_string(before.seq));
  }
  if (checkpoint.prev_checkpoint_hash != before.checkpoint_hash) {
    return issue("broken_checkpoint_chain", " does not name the hash of the one before");
  }
  if (checkpoint.anchor.seq <= before.anchor.seq && before.seq != 0) {
    return issue("broken_checkpoint_chain", " goes back behind the one before");
  }
  return std::nullopt;
}

} // namespace sluice::evidence
