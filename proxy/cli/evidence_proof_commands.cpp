// sluice evidence prove|verify-proof|key|rotate-key
#include "policy/base/bytes.hpp"
#include "policy/base/clock.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/prove.hpp"
#include "policy/evidence/verify.hpp"
#include "proxy/cli/evidence_support.hpp"

#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

constexpr int kProofVersion = 1;
constexpr std::size_t kMaxProofFile = std::size_t{4} << 20;

struct ProofOptions {
  std::uint64_t seq = 0, from = 0;
  std::string file, root;
  PinOptions pin;
};

Json hashes(const std::vector<Digest>& path) {
  Json out = Json::array();
  for (const Digest& digest : path) out.push_back(to_hex(view(digest)));
  return out;
}

Json proof_json(const evidence::Proof& proof) {
  Json out{{"version", kProofVersion},        {"seq", proof.seq},
           {"record", proof.record},          {"tree_size", proof.tree_size},
           {"inclusion", hashes(proof.path)}, {"checkpoint_record", proof.checkpoint_record},
           {"checkpoint", proof.checkpoint},  {"public_key", proof.public_key}};
  if (proof.from) {
    out["from"] = {{"size", proof.from->size},
                   {"root", to_hex(view(proof.from->root))},
                   {"consistency", hashes(proof.from->path)}};
  }
  return out;
}

int prove(const Output& out, const Program& program, const ProofOptions& options) {
  const std::string dir = evidence_directory(program);
  if (!std::filesystem::exists(dir))
    return out.fail(kNotFound, "not_found", dir + " does not exist");
  const auto proof = evidence::prove(
      dir, options.seq, options.from == 0 ? std::nullopt : std::optional(options.from));
  if (!proof) {
    const auto& error = proof.error();
    return error.code == "evidence_not_covered"
               ? out.fail(kNotFound, error.code, error.detail,
                          "the next heartbeat, or the stop, covers what is on record now")
               : out.fail(kVerificationFailed, error.code, error.detail);
  }
  const Json json = proof_json(proof.value());
  out.print(json, dump(json, 1) + "\n");
  return kDone;
}

// Reads what another program may have written: anything that is missing stays empty, and what is
// empty proves nothing.
class ProofReader {
 public:
  explicit ProofReader(const Json& json) : json_(json) {}

  std::optional<evidence::Proof> read() {
    evidence::Proof proof;
    if (number(json_, "version") != kProofVersion) return std::nullopt;
    proof.record = text(json_, "record");
    proof.seq = number(json_, "seq");
    proof.tree_size = number(json_, "tree_size");
    proof.path = path(json_, "inclusion");
    proof.checkpoint_record = text(json_, "checkpoint_record");
    proof.checkpoint = text(json_, "checkpoint");
    proof.public_key = text(json_, "public_key");
    if (const auto from = json_.find("from"); from != json_.end()) {
      if (!from->is_object()) return std::nullopt;
      evidence::ConsistencyProof consistency;
      consistency.size = number(*from, "size");
      consistency.root = digest(text(*from, "root"));
      consistency.path = path(*from, "consistency");
      proof.from = std::move(consistency);
    }
    if (!readable_) return std::nullopt;
    return proof;
  }

 private:
  const Json* member(const Json& object, const char* key) {
    const auto at = object.find(key);
    if (at != object.end()) return &*at;
    readable_ = false;
    return nullptr;
  }
  std::uint64_t number(const Json& object, const char* key) {
    const Json* value = member(object, key);
    if (value != nullptr && value->is_number_unsigned()) return value->get<std::uint64_t>();
    readable_ = false;
    return 0;
  }
  std::string text(const Json& object, const char* key) {
    const Json* value = member(object, key);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    readable_ = false;
    return {};
  }
  Digest digest(const std::string& hex) {
    Digest out{};
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != out.size()) {
      readable_ = false;
    } else {
      bytes->copy(out.data(), out.size());
    }
    return out;
  }
  std::vector<Digest> path(const Json& object, const char* key) {
    std::vector<Digest> out;
    const Json* value = member(object, key);
    if (value == nullptr || !value->is_array()) readable_ = false;
    if (!readable_) return out;
    for (const Json& item : *value) {
      out.push_back(digest(item.is_string() ? item.get<std::string>() : ""));
    }
    return out;
  }

  const Json& json_;
  bool readable_ = true;
};

int verify_proof(const Output& out, const ProofOptions& options) {
  int failed = kDone;
  const auto pin = read_pin(out, options.pin, failed);
  if (!pin) return failed;
  const auto text = evidence::read_file(options.file, kMaxProofFile);
  if (!text) return out.fail(kNotFound, "not_found", text.error().detail);
  const Json json = Json::parse(text.value(), nullptr, false);
  std::optional<evidence::Proof> proof;
  if (json.is_object()) proof = ProofReader(json).read();
  std::vector<std::string> wrong{"the file holds no proof of version 1"};
  if (proof) wrong = evidence::check_proof(*proof, *pin);
  if (proof && !options.root.empty() &&
      (!proof->from || to_hex(view(proof->from->root)) != ascii_lower(options.root))) {
    wrong.emplace_back("the older root is not the one that was given");
  }
  std::string said = wrong.empty() ? "OK  record " + std::to_string(proof->seq) + " of " +
                                         std::to_string(proof->tree_size) + "\n"
                                   : "FAILED\n";
  Json issues = Json::array();
  for (const std::string& what : wrong) {
    issues.push_back(what);
    said += what + "\n";
  }
  if (wrong.empty() && pin->fingerprint.empty()) {
    said += "not checked: whose key signed it; pin it with --fingerprint or --public-key\n";
  }
  out.print({{"passed", wrong.empty()},
             {"seq", proof ? proof->seq : 0},
             {"tree_size", proof ? proof->tree_size : 0},
             {"key_pinned", !pin->fingerprint.empty()},
             {"root_pinned", !options.root.empty()},
             {"issues", issues}},
            said);
  return wrong.empty() ? kDone : kVerificationFailed;
}

int show_key(const Output& out, const Program& program) {
  const auto config = evidence_config(program);
  const auto key = evidence::SigningKey::load(config.key_file);
  if (!key) {
    return out.fail(std::filesystem::exists(config.key_file) ? kFailed : kNotFound,
                    key.error().code, key.error().detail, "the first start of sluice makes it");
  }
  const auto& shown = key.value().public_key();
  out.print({{"fingerprint", shown.fingerprint()}, {"public_key", shown.pem()}},
            shown.fingerprint() + "\n" + shown.pem());
  return kDone;
}

int rotate_key(const Output& out, const Program& program) {
  auto config = evidence_config(program);
  if (!std::filesystem::exists(config.directory))
    return out.fail(kNotFound, "not_found", config.directory + " does not exist");
  config.rotate_key = true;
  const SystemClock clock;
  auto log = evidence::EvidenceLog::open(config, clock);
  if (!log) return out.fail(log.error());
  log.value().reset(); // signed with the new key, and closed
  return show_key(out, program);
}

} // namespace

void add_proof_commands(CLI::App& group, Program& program) {
  auto options = std::make_shared<ProofOptions>();
  auto* one = add_evidence_options(
      add_verb(group, program, "prove", "a proof of one record that verifies without the log",
               "sluice evidence prove 42 > proof.json",
               [&program, options](const Output& out) { return prove(out, program, *options); }),
      program);
  one->add_option("seq", options->seq, "the record's number")->required();
  one->add_option("--from", options->from,
                  "also prove that the log still begins with its first SIZE records");
  auto* check = add_verb(group, program, "verify-proof", "check such a proof; exit 4 when it fails",
                         "sluice evidence verify-proof proof.json --fingerprint 3f…",
                         [options](const Output& out) { return verify_proof(out, *options); });
  check->add_option("file", options->file, "the proof")->required();
  check->add_option("--root", options->root, "hex root of the older tree, as a witness keeps it");
  add_pin_options(check, options->pin);
  add_evidence_options(add_verb(group, program, "key", "the public key that signs the log",
                                "sluice evidence key --dir ./evidence",
                                [&program](const Output& out) { return show_key(out, program); }),
                       program);
  add_evidence_options(
      add_verb(group, program, "rotate-key",
               "sign with a new key that the old one vouches for; sluice must not run",
               "sluice evidence rotate-key",
               [&program](const Output& out) { return rotate_key(out, program); }),
      program);
}

} // namespace sluice::cli
