#include "policy/evidence/seal_record.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/canonical.hpp"
#include "policy/evidence/payload.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::evidence {
namespace {

std::optional<std::uint64_t> integer_of(std::string_view value) {
  std::uint64_t out = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, out);
  if (value.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return out;
}

} // namespace

Record key_created_record(const RunIdentity& who, const PublicKey& key) {
  Payload out(nullptr);
  out.text("agent_id", who.agent_id)
      .digest("key_fingerprint", key.fingerprint())
      .word("public_key", to_base64(key.der()))
      .text("run_id", who.run_id)
      .text("session_id", who.session_id);
  return {std::string(kKeyCreated), out.take()};
}

Record key_rotated_record(const RunIdentity& who, const SigningKey& old_key, const PublicKey& key) {
  Payload out(nullptr);
  out.text("agent_id", who.agent_id)
      .digest("key_fingerprint", key.fingerprint())
      .digest("previous_key_fingerprint", old_key.public_key().fingerprint())
      .word("public_key", to_base64(key.der()))
      .text("run_id", who.run_id)
      .text("session_id", who.session_id)
      .word("signature", old_key.sign(rotation_text(key)));
  return {std::string(kKeyRotated), out.take()};
}

// Not 64 hex digits: no signature of a checkpoint can be shown as one of a key, nor the reverse.
std::string rotation_text(const PublicKey& key) {
  return "log_key_rotated " + key.fingerprint();
}

std::optional<KeyFacts> read_key(std::string_view payload) {
  const auto der = from_base64(string_of(member_of(payload, "public_key")));
  auto key = der ? PublicKey::from_der(*der) : std::nullopt;
  if (!key) return std::nullopt;
  std::string fingerprint = string_of(member_of(payload, "key_fingerprint"));
  if (fingerprint != key->fingerprint()) return std::nullopt;
  return KeyFacts{std::move(fingerprint), std::move(*key),
                  string_of(member_of(payload, "signature"))};
}

Record checkpoint_record(const RunIdentity& who, std::string_view cause,
                         std::uint64_t checkpoint_seq, const MerkleTree& tree) {
  Payload out(nullptr);
  out.text("agent_id", who.agent_id)
      .word("cause", cause)
      .count("checkpoint_seq", checkpoint_seq)
      .digest("merkle_root", to_hex(view(tree.root())))
      .count("merkle_size", tree.size());
  if (cause == kCauseSegment) {
    std::string subtrees;
    for (const Digest& subtree : tree.subtrees()) subtrees += to_hex(view(subtree));
    out.word("merkle_subtrees", subtrees);
  }
  out.text("run_id", who.run_id).text("session_id", who.session_id);
  return {std::string(kLogCheckpoint), out.take()};
}

Record heartbeat_record(const RunIdentity& who, std::vector<Count> counts, std::int64_t uptime_ns) {
  const auto by_name = [](const Count& a, const Count& b) { return a.name < b.name; };
  const auto same = [](const Count& a, const Count& b) { return a.name == b.name; };
  std::sort(counts.begin(), counts.end(), by_name);
  counts.erase(std::unique(counts.begin(), counts.end(), same), counts.end());
  Payload out(nullptr);
  out.text("agent_id", who.agent_id).begin_object("counts");
  for (const Count& count : counts) out.count(count.name, count.value);
  out.end_object()
      .text("run_id", who.run_id)
      .text("session_id", who.session_id)
      .integer("uptime_ns", uptime_ns);
  return {std::string(kHeartbeat), out.take()};
}

std::optional<CheckpointFacts> read_checkpoint(std::string_view payload) {
  const auto seq = integer_of(member_of(payload, "checkpoint_seq"));
  const auto size = integer_of(member_of(payload, "merkle_size"));
  if (!seq || !size) return std::nullopt;
  return CheckpointFacts{string_of(member_of(payload, "cause")), *seq, *size,
                         string_of(member_of(payload, "merkle_root")),
                         string_of(member_of(payload, "merkle_subtrees"))};
}

std::optional<MerkleTree> tree_of(const CheckpointFacts& facts) {
  const auto bytes = from_hex(facts.merkle_subtrees);
  if (!bytes || bytes->size() % std::tuple_size_v<Digest> != 0) return std::nullopt;
  std::vector<Digest> subtrees(bytes->size() / std::tuple_size_v<Digest>);
  for (std::size_t i = 0; i < subtrees.size(); ++i) {
    bytes->copy(subtrees[i].data(), subtrees[i].size(), i * subtrees[i].size());
  }
  auto tree = MerkleTree::resume(facts.merkle_size, std::move(subtrees));
  if (!tree || to_hex(view(tree->root())) != facts.merkle_root) return std::nullopt;
  return tree;
}

} // namespace sluice::evidence
