#include "policy/evidence/manifest.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/evidence/canonical.hpp"
#include "policy/evidence/json_writer.hpp"

#include <charconv>

namespace sluice::evidence {
namespace {

std::string hashed_members(const Manifest& manifest) {
  std::string out = R"({"bundle_version":1,"export_timestamp":)";
  append_json_string(out, manifest.exported_at);
  out += R"(,"audit_record_count":)" + std::to_string(manifest.records) + R"(,"audit_head_seq":)" +
         std::to_string(manifest.head.seq) + R"(,"audit_head_hash":)";
  append_json_string(out, manifest.head.hash);
  out += R"(,"checkpoint_count":)" + std::to_string(manifest.checkpoints) + R"(,"latest_cp_seq":)" +
         std::to_string(manifest.latest_anchor.seq) + R"(,"latest_cp_hash":)";
  append_json_string(out, manifest.latest_anchor.hash);
  out += R"(,"pub_key_fingerprint":)";
  append_json_string(out, manifest.key_fingerprint);
  return out;
}

} // namespace

std::string hash_of(const Manifest& manifest) {
  return to_hex(sha256(hashed_members(manifest) + '}'));
}

std::string text_of(const Manifest& manifest) {
  std::string out = hashed_members(manifest) + R"(,"manifest_hash":)";
  append_json_string(out, manifest.hash);
  out += R"(,"signature":)";
  append_json_string(out, manifest.signature);
  return out + "}\n";
}

std::optional<Manifest> parse_manifest(std::string_view text) {
  if (!text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  Manifest out;
  const auto integer = [text](std::string_view key, std::uint64_t& value) {
    const std::string_view raw = member_of(text, key);
    std::from_chars(raw.data(), raw.data() + raw.size(), value);
  };
  const auto string = [text](std::string_view key) { return string_of(member_of(text, key)); };
  out.exported_at = string("export_timestamp");
  integer("audit_record_count", out.records);
  integer("audit_head_seq", out.head.seq);
  out.head.hash = string("audit_head_hash");
  integer("checkpoint_count", out.checkpoints);
  integer("latest_cp_seq", out.latest_anchor.seq);
  out.latest_anchor.hash = string("latest_cp_hash");
  out.key_fingerprint = string("pub_key_fingerprint");
  out.hash = string("manifest_hash");
  out.signature = string("signature");
  // What is read back to the byte has nothing in it that was not read.
  if (text_of(out) != std::string(text) + '\n') return std::nullopt;
  return out;
}

} // namespace sluice::evidence
