#include "policy/evidence/prove.hpp"

#include "policy/base/bytes.hpp"
#include "policy/evidence/chain.hpp"
#include "policy/evidence/log_walk.hpp"
#include "policy/evidence/retained.hpp"
#include "policy/evidence/seal_record.hpp"
#include "policy/evidence/segments.hpp"

#include <utility>

namespace sluice::evidence {
namespace {

Error not_covered(const std::string& what, std::uint64_t size) {
  return make_error(Origin::evidence, "evidence_not_covered",
                    what + ": the last signed tree has " + std::to_string(size) + " records");
}

Error broken(const std::string& what) {
  return make_error(Origin::evidence, "evidence_chain_broken", what);
}

// The last checkpoint with the log_checkpoint record it names, and the key that signed it.
struct Anchor {
  Checkpoint checkpoint;
  std::string record;
  std::string public_key;
};

// The hash of a line, whatever it says; nullopt when it is no record or says another one.
std::optional<Digest> hash_of_record(std::string_view text, Line& line) {
  std::size_t stopped_at = 0;
  const std::optional<Line> parsed = parse_line(text, stopped_at);
  if (!parsed) return std::nullopt;
  line = *parsed;
  const Digest digest = hash_of(line);
  if (to_hex(view(digest)) != line.record_hash) return std::nullopt;
  return digest;
}

class Prover {
 public:
  Prover(std::uint64_t seq, std::optional<std::uint64_t> from, const Anchor& anchor,
         const MerkleTree& removed)
      : seq_(seq), size_(anchor.checkpoint.anchor.seq - 1),
        inclusion_(inclusion_ranges(seq - 1, size_)),
        consistency_(from ? consistency_ranges(*from, size_) : std::vector<LeafRange>()),
        old_(removed), leaf_(removed.size()) {
    inclusion_.begin_behind(removed);
    consistency_.begin_behind(removed);
    proof_.seq = seq;
    proof_.tree_size = size_;
    proof_.checkpoint_record = anchor.record;
    proof_.checkpoint = line_of(anchor.checkpoint);
    proof_.checkpoint.pop_back();
    proof_.public_key = anchor.public_key;
    if (from) proof_.from = ConsistencyProof{*from, {}, {}};
  }

  bool add(std::string_view text) { // false: that is enough
    Line line;
    const auto digest = hash_of_record(text, line);
    if (!digest || leaf_ == size_) return false;
    if (line.seq == seq_) proof_.record = text;
    inclusion_.add(*digest);
    consistency_.add(*digest);
    if (proof_.from && leaf_ < proof_.from->size) old_.add(*digest);
    ++leaf_;
    return true;
  }

  Result<Proof> take() {
    const auto path = inclusion_.roots();
    const auto between = consistency_.roots();
    if (!path || !between) return broken("records are missing");
    proof_.path = *path;
    if (proof_.from) {
      proof_.from->path = *between;
      proof_.from->root = old_.root();
    }
    const std::vector<std::string> wrong = check_proof(proof_, {});
    if (!wrong.empty()) return broken(wrong.front());
    return std::move(proof_);
  }

 private:
  const std::uint64_t seq_;
  const std::uint64_t size_;
  RangeRoots inclusion_, consistency_;
  MerkleTree old_;
  std::uint64_t leaf_ = 0;
  Proof proof_;
};

Result<Anchor> find_anchor(const std::string& directory) {
  std::optional<Issue> first;
  const auto keep_first = [&first](Issue issue) {
    if (!first) first = std::move(issue);
  };
  const Walk walk = walk_log(directory, {}, keep_first);
  if (first) return broken(first->message);
  if (walk.checkpoints == 0 || !walk.key) return not_covered("nothing is signed", 0);
  return Anchor{walk.last_checkpoint, walk.last_checkpoint_record, walk.last_checkpoint_key};
}

} // namespace

Result<Proof> prove(const std::string& directory, std::uint64_t seq,
                    std::optional<std::uint64_t> from) {
  SLUICE_TRY(const Anchor anchor, find_anchor(directory));
  const std::uint64_t size = anchor.checkpoint.anchor.seq - 1;
  if (seq == 0 || seq > size) return not_covered("record " + std::to_string(seq), size);
  if (from && (*from == 0 || *from > size)) {
    return not_covered("a tree of " + std::to_string(*from) + " records", size);
  }
  SLUICE_TRY(const std::optional<Retained> retained, read_retained(directory));
  MerkleTree removed;
  if (retained) {
    removed = retained->before;
    Line last;
    if (const auto leaf = hash_of_record(retained->last, last)) removed.add(*leaf);
    if (seq <= removed.size() || (from && *from < removed.size())) {
      return make_error(Origin::evidence, "evidence_not_covered",
                        "retention removed the records up to " + std::to_string(removed.size()));
    }
  }
  Prover prover(seq, from, anchor, removed);
  SegmentReader reader(directory);
  for (auto item = reader.next(); item.kind == LineReader::Kind::line; item = reader.next()) {
    if (!prover.add(item.text)) break;
  }
  return prover.take();
}

std::vector<std::string> check_proof(const Proof& proof, const KeyPin& pin) {
  std::vector<std::string> wrong;
  Line record;
  Line seal;
  const auto leaf = hash_of_record(proof.record, record);
  const auto seal_hash = hash_of_record(proof.checkpoint_record, seal);
  const auto checkpoint = parse_checkpoint(proof.checkpoint);
  const auto key = PublicKey::from_pem(proof.public_key);
  if (!leaf || record.seq != proof.seq) wrong.emplace_back("the record is not whole");
  if (!seal_hash) wrong.emplace_back("the record with the root is not whole");
  if (!checkpoint || hash_of(*checkpoint) != checkpoint->checkpoint_hash) {
    wrong.emplace_back("the checkpoint is not whole");
  }
  if (!key) wrong.emplace_back("the public key is none");
  if (!wrong.empty()) return wrong;

  if (!pin.fingerprint.empty() && key->fingerprint() != pin.fingerprint) {
    wrong.emplace_back("the key is not the pinned one");
  }
  if (!key->verifies(checkpoint->checkpoint_hash, checkpoint->signature)) {
    wrong.emplace_back("the checkpoint is not signed by the key");
  }
  if (checkpoint->anchor.seq != seal.seq || checkpoint->anchor.hash != seal.record_hash) {
    wrong.emplace_back("the checkpoint does not name the record with the root");
  }
  const auto facts = read_checkpoint(seal.payload);
  const auto bytes = from_hex(facts ? facts->merkle_root : std::string());
  Digest root{};
  if (seal.event_type != kLogCheckpoint || !facts || !bytes || bytes->size() != root.size() ||
      facts->merkle_size != proof.tree_size) {
    wrong.emplace_back("that record holds no root of a tree of this size");
    return wrong;
  }
  bytes->copy(root.data(), root.size());
  if (proof.seq == 0 ||
      root_of_inclusion(*leaf, proof.seq - 1, proof.tree_size, proof.path) != root) {
    wrong.emplace_back("the path does not lead from the record to the root");
  }
  if (proof.from &&
      !is_consistent(proof.from->size, proof.from->root, proof.tree_size, root, proof.from->path)) {
    wrong.emplace_back("the tree does not begin with the older one");
  }
  return wrong;
}

} // namespace sluice::evidence
