// sluice policy new-key|sign|verify
#include "certs/files.hpp"
#include "policy/base/bytes.hpp"
#include "policy/engine/signature.hpp"
#include "proxy/cli/policy_author.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

struct SignOptions {
  std::string file, key, signature;
  std::vector<std::string> public_keys, fingerprints;
};

std::string signature_of(const SignOptions& options) {
  return options.signature.empty() ? engine::signature_file(options.file) : options.signature;
}

int key_error(const Output& out, const Error& error) {
  return error.code == "key_unreadable" ? out.fail(kNotFound, error.code, error.detail)
                                        : out.fail(error);
}

// Both files or none: a private key without the public one beside it is half a result.
int new_key(const Output& out, const std::string& file) {
  const std::string public_file = file + ".pub";
  struct stat there {};
  if (::lstat(public_file.c_str(), &there) == 0)
    return out.fail(kUsage, "file_exists", public_file + " exists already",
                    "keys are never written over others");
  const auto key = Ed25519Private::generate();
  const auto pem = key.pem();
  if (auto made = certs::write_new_file(file, pem.reveal(), 0600); !made)
    return out.fail(made.error());
  if (auto made = certs::write_new_file(public_file, key.public_key().pem(), 0644); !made) {
    ::unlink(file.c_str());
    return out.fail(made.error());
  }
  const auto& fingerprint = key.public_key().fingerprint();
  out.print({{"key", file}, {"public_key", public_file}, {"fingerprint", fingerprint}},
            "key          " + file + " (keep it where no agent runs)\npublic key   " + public_file +
                "\nfingerprint  " + fingerprint + "\n");
  return kDone;
}

int sign(const Output& out, const SignOptions& options) {
  const auto policy = engine::load_policy_file(options.file);
  if (!policy.snapshot) return out.fail(policy.diagnostics);
  const auto key = Ed25519Private::load(options.key);
  if (!key) return key_error(out, key.error());
  const auto file = signature_of(options);
  const auto text = engine::write_signature(*policy.snapshot, key.value());
  if (auto written = certs::replace_file(file, text, 0644); !written)
    return out.fail(written.error());
  const auto& fingerprint = key.value().public_key().fingerprint();
  out.print({{"signature", file},
             {"digest", policy.snapshot->digest},
             {"id", policy.snapshot->id},
             {"version", policy.snapshot->version},
             {"signed_by", fingerprint},
             {"warnings", to_json(policy.diagnostics)}},
            "signed " + policy.snapshot->digest + "\nby     " + fingerprint + "\nin     " + file +
                "\n");
  return kDone;
}

// What the caller trusts, as fingerprints; nullopt when it was said what is wrong with it.
std::optional<std::vector<std::string>> trusted_keys(const Output& out, const SignOptions& options,
                                                     int& failed) {
  std::vector<std::string> trusted;
  for (const auto& file : options.public_keys) {
    const auto key = Ed25519Public::load(file);
    if (!key) {
      failed = key_error(out, key.error());
      return std::nullopt;
    }
    trusted.push_back(key.value().fingerprint());
  }
  for (const auto& hex : options.fingerprints) {
    if (hex.size() != 64 || !from_hex(hex)) {
      failed = out.fail(kUsage, "usage", "--fingerprint is not 64 hex digits",
                        "copy it from what sluice policy new-key said");
      return std::nullopt;
    }
    trusted.push_back(ascii_lower(hex));
  }
  if (!trusted.empty()) return trusted;
  failed = out.fail(kUsage, "usage", "a signature says nothing without a key to believe",
                    "add --public-key FILE or --fingerprint HEX");
  return std::nullopt;
}

int verify(const Output& out, const SignOptions& options) {
  int failed = kFailed;
  const auto trusted = trusted_keys(out, options, failed);
  if (!trusted) return failed;
  const auto policy = engine::load_policy_file(options.file);
  if (!policy.snapshot) return out.fail(policy.diagnostics);
  const auto file = signature_of(options);
  std::ifstream in(file, std::ios::binary);
  std::string text(engine::kMaxSignatureFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof())
    return out.fail(kNotFound, "not_signed", file + " cannot be read",
                    "sign the policy with: sluice policy sign");
  text.resize(static_cast<std::size_t>(in.gcount()));
  Diagnostics problems;
  const auto by = engine::verify_signature(*policy.snapshot, text, file, *trusted, problems);
  if (!by) return out.fail(kVerificationFailed, "signature_invalid", format(problems));
  out.print({{"valid", true},
             {"signed_by", *by},
             {"digest", policy.snapshot->digest},
             {"id", policy.snapshot->id},
             {"version", policy.snapshot->version}},
            "valid  " + policy.snapshot->digest + "\nby     " + *by + "\n");
  return kDone;
}

} // namespace

void add_policy_sign_commands(CLI::App& group, Program& program) {
  auto options = std::make_shared<SignOptions>();
  auto* key = add_verb(group, program, "new-key",
                       "a key to sign policies with: FILE (mode 0600) and FILE.pub",
                       "sluice policy new-key policy.key",
                       [options](const Output& out) { return new_key(out, options->file); });
  key->add_option("FILE", options->file, "where to; nothing is ever overwritten")->required();

  auto* signing = add_verb(group, program, "sign", "sign what a policy means, into FILE.sig",
                           "sluice policy sign policy.yaml --key policy.key",
                           [options](const Output& out) { return sign(out, *options); });
  signing->add_option("FILE", options->file, "the policy")->required();
  signing->add_option("--key", options->key, "Ed25519 private key, PEM PKCS#8, mode 0600")
      ->required();
  signing->add_option("--signature", options->signature, "where to (default: FILE.sig)");

  auto* verifying =
      add_verb(group, program, "verify", "whether a key you trust signed a policy; exit 4 when not",
               "sluice policy verify policy.yaml --public-key policy.key.pub",
               [options](const Output& out) { return verify(out, *options); });
  verifying->add_option("FILE", options->file, "the policy")->required();
  verifying->add_option("--public-key", options->public_keys, "PEM file of a key that is trusted")
      ->allow_extra_args(false);
  verifying
      ->add_option("--fingerprint", options->fingerprints,
                   "hex SHA-256 of such a key, as new-key shows it")
      ->allow_extra_args(false);
  verifying->add_option("--signature", options->signature, "the signature (default: FILE.sig)");
}

} // namespace sluice::cli
