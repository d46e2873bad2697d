#include "policy/base/secret_source.hpp"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::size_t kLongestId = 64;

bool is_plain_id(std::string_view id) {
  return id.size() <= kLongestId && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

} // namespace

std::string_view to_string(SecretSource::From from) noexcept {
  switch (from) {
  case SecretSource::From::env: return "env";
  case SecretSource::From::file: return "file";
  case SecretSource::From::exec: return "exec";
  }
  return "env";
}

std::string parse_secret_id(Reader id) {
  auto text = id.string().value_or("");
  if (is_plain_id(text)) return text;
  id.error("an id is letters, digits, '.', '-' and '_'");
  return "";
}

void parse_secret_value(Reader value, SecretSource& out) {
  if (!value.present()) return;
  if (!value.node()->is_map()) {
    const auto key = value.pointer().substr(value.pointer().rfind('/') + 1);
    value.error("a secret never stands in the file",
                "write " + key + ": {env: NAME} or {file: path}");
    return;
  }
  auto env = value.at("env");
  auto file = value.at("file");
  auto exec = value.at("exec");
  if (env.present() + file.present() + exec.present() != 1) {
    value.error("expected one source", "one of env, file, exec");
  } else if (env.present()) {
    out.from = SecretSource::From::env;
    out.words = {env.string().value_or("")};
  } else if (file.present()) {
    out.from = SecretSource::From::file;
    out.words = {file.string().value_or("")};
  } else {
    out.from = SecretSource::From::exec;
    out.words = exec.strings(EmptyList::refuse);
  }
  value.finish();
}

} // namespace sluice
