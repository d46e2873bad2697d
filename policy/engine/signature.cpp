#include "policy/engine/signature.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/document.hpp"
#include "policy/base/reader.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine {
namespace {

constexpr std::string_view kLabel = "sluice policy signature v1";
constexpr std::string_view kSchemaVersion = "1", kAlgorithm = "ed25519";

std::string json_text(std::string_view text) { // the labels of a policy have no control characters
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

struct StatedSignature { // in the file, and believed only when it is what the policy says
  std::string digest, id, version, public_key, signature;
};

// The labels may be empty, which Reader::string() takes for a mistake.
std::string stated_label(Reader at) {
  return at.present() && at.node()->kind == Node::Kind::string ? at.node()->text
                                                               : at.string().value_or("");
}

std::optional<StatedSignature> read_stated(const Document& document, Diagnostics& out) {
  const std::size_t before = out.size();
  Reader root(document, out);
  Reader schema = root.required("schema_version");
  if (const auto version = schema.text(); version && *version != kSchemaVersion) {
    schema.error("this form of a signature is not known", "sign the policy again");
  }
  Reader algorithm = root.required("algorithm");
  if (const auto name = algorithm.string(); name && *name != kAlgorithm) {
    algorithm.error("policies are signed with ed25519", "sign the policy again");
  }
  StatedSignature stated;
  stated.digest = root.required("policy_digest").string().value_or("");
  stated.id = stated_label(root.required("policy_id"));
  stated.version = stated_label(root.required("policy_version"));
  stated.public_key = root.required("public_key").string().value_or("");
  stated.signature = root.required("signature").string().value_or("");
  root.finish();
  if (out.size() != before) return std::nullopt;
  return stated;
}

// "" when the file speaks of this policy, or in what it speaks of another.
std::string_view speaks_of_another(const StatedSignature& stated, const Snapshot& policy) {
  if (stated.digest != policy.digest) return "policy_digest";
  if (stated.id != policy.id) return "policy_id";
  if (stated.version != policy.version) return "policy_version";
  return "";
}

} // namespace

std::string signature_file(const std::string& policy_file) {
  return policy_file + ".sig";
}

// No label holds a line end, so that the lines cannot be read in two ways.
std::string signed_statement(const Snapshot& policy) {
  return std::string(kLabel) + "\npolicy_digest " + policy.digest + "\npolicy_id " + policy.id +
         "\npolicy_version " + policy.version + "\n";
}

std::string write_signature(const Snapshot& policy, const Ed25519Private& key) {
  const auto line = [](std::string_view name, std::string_view value, bool last = false) {
    return "  " + json_text(name) + ": " + json_text(value) + (last ? "\n" : ",\n");
  };
  return "{\n" + line("schema_version", kSchemaVersion) + line("algorithm", kAlgorithm) +
         line("policy_digest", policy.digest) + line("policy_id", policy.id) +
         line("policy_version", policy.version) +
         line("public_key", to_base64(key.public_key().der())) +
         line("signature", to_base64(key.sign(signed_statement(policy))), true) + "}\n";
}

std::optional<std::string> verify_signature(const Snapshot& policy, std::string_view text,
                                            const std::string& file,
                                            const std::vector<std::string>& trusted,
                                            Diagnostics& out) {
  const auto refuse = [&](std::string pointer, std::string message, std::string hint) {
    out.push_back({Diagnostic::Level::error, file, 1, 1, std::move(pointer), std::move(message),
                   std::move(hint)});
    return std::nullopt;
  };
  if (text.size() > kMaxSignatureFile) return refuse("", "the file is larger than a signature", "");
  if (text.substr(0, 1) != "{") {
    return refuse("", "this is no signature", "make one with: sluice policy sign");
  }
  const auto document = parse_document(text, file, out);
  const auto stated = document ? read_stated(*document, out) : std::nullopt;
  if (!stated) return std::nullopt;
  if (const auto field = speaks_of_another(*stated, policy); !field.empty()) {
    return refuse('/' + std::string(field),
                  "the signature is not of this policy, which is " + policy.digest,
                  "if the change is meant, sign the policy again");
  }
  const auto der = from_base64(stated->public_key);
  const auto key = der ? Ed25519Public::from_der(*der) : std::nullopt;
  if (!key) return refuse("/public_key", "this is no Ed25519 key", "");
  if (std::find(trusted.begin(), trusted.end(), key->fingerprint()) == trusted.end()) {
    return refuse("/public_key",
                  "the policy is signed by " + key->fingerprint() + ", a key that is not trusted",
                  "name its public key where trusted keys stand, or have it signed by another");
  }
  const auto signature = from_base64(stated->signature);
  if (!signature || !key->verifies(signed_statement(policy), *signature)) {
    return refuse("/signature", "the signature does not hold",
                  "if the policy is what you mean, sign it again");
  }
  return key->fingerprint();
}

} // namespace sluice::engine
