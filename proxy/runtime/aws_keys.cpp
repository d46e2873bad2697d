#include "proxy/runtime/aws_keys.hpp"

#include "policy/base/clock.hpp"
#include "policy/base/document.hpp"

namespace sluice::runtime {
namespace {

Error not_keys(const std::string& why) {
  return make_error(Origin::config, "secret_unreadable",
                    "it is not what a credential_process of AWS prints: " + why);
}

Result<Secret> text_of(const Node& root, std::string_view key) {
  const auto* found = root.find(key);
  if (found == nullptr || found->kind != Node::Kind::string || found->text.empty())
    return not_keys(std::string(key) + " is missing or no text");
  return Secret(found->text);
}

} // namespace

Result<call::CredentialValue> parse_aws_keys(const Secret& document) {
  Diagnostics quotes; // never shown: they may
  const auto read = parse_document(document.reveal(), "", quotes);
  if (!read || !read->root.is_map()) return not_keys("no JSON object");
  const auto* version = read->root.find("Version");
  if (version == nullptr || version->kind != Node::Kind::integer || version->integer != 1)
    return not_keys("Version is not 1");
  call::CredentialValue out;
  SLUICE_TRY(out.access_key, text_of(read->root, "AccessKeyId"));
  SLUICE_TRY(out.value, text_of(read->root, "SecretAccessKey"));
  const auto* token = read->root.find("SessionToken");
  if (token != nullptr && token->kind != Node::Kind::null) {
    SLUICE_TRY(out.session_token, text_of(read->root, "SessionToken"));
  }
  const auto* expires = read->root.find("Expiration");
  if (expires == nullptr || expires->kind == Node::Kind::null) return out;
  const auto when = parse_rfc3339_nanos(expires->text);
  if (!when) return not_keys("Expiration is no time");
  out.expires_unix_nanos = *when;
  return out;
}

} // namespace sluice::runtime
