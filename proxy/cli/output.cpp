#include "proxy/cli/output.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/printable.hpp"

#include <iostream>
#include <utility>

namespace sluice::cli {
namespace {

constexpr const char* kSchemaVersion = "1"; // as the admin server says it

// What a person can do about an error, by its stable code.
std::string hint_for(const std::string& code) {
  if (code == "ca_missing") return "make one with: sluice ca init --dir DIR";
  if (code == "ca_exists") return "remove the directory first if you really want a new CA";
  if (code == "ca_key_exposed") return "chmod 600 the key; if others could read it, make a new CA";
  if (code == "evidence_locked")
    return "another sluice writes there; stop it or use another evidence.dir";
  if (code == "evidence_chain_broken")
    return "look at it with: sluice evidence verify; keep it, and start a new directory";
  if (code == "evidence_key_missing" || code == "evidence_key_mismatch")
    return "put the log's own key back, or start a new evidence.dir";
  if (code == "limits_unreadable")
    return "put a whole copy of it back, or remove it: all limits then begin at zero";
  if (code == "cannot_listen")
    return "end who uses that address, or choose another one in sluice.yaml";
  return {};
}

} // namespace

std::string dump(const Json& document, int indent) {
  const auto json = document.dump(indent, ' ', false, Json::error_handler_t::replace);
  // JSON leaves DEL and C1 as they are; a terminal does not. They stand in strings only.
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto next = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0U;
    if (json[i] == '\x7f') {
      out += "\\u007f";
    } else if (json[i] == '\xc2' && next >= 0x80 && next < 0xA0) {
      out += "\\u00" + to_hex(json.substr(++i, 1));
    } else {
      out += json[i];
    }
  }
  return out;
}

void Output::print(Json document, const std::string& text) const {
  if (!json_) {
    std::cout << text << std::flush;
    return;
  }
  Json whole;
  whole["schema_version"] = kSchemaVersion;
  for (auto& [key, value] : document.items()) whole[key] = std::move(value);
  std::cout << dump(whole, 2) << std::endl;
}

int Output::fail(int exit_code, const std::string& code, const std::string& said,
                 const std::string& hint) const {
  const auto message = without_passwords(said);
  if (json_) {
    Json error = {{"code", code}, {"message", message}, {"hint", hint}};
    print(Json{{"error", std::move(error)}}, "");
  } else {
    std::cerr << "sluice: " << printable(message);
    if (!hint.empty()) std::cerr << " (" << hint << ")";
    std::cerr << std::endl;
  }
  return exit_code;
}

int Output::fail(const Error& error) const {
  const int exit_code = error.origin == Origin::config ? kUsage : kFailed;
  // The code is a field of its own in JSON; in text it is what can be searched for.
  if (json_ && !error.detail.empty()) {
    return fail(exit_code, error.code, error.detail, hint_for(error.code));
  }
  std::string message = error.code;
  if (!error.detail.empty()) message += ": " + error.detail;
  return fail(exit_code, error.code, message, hint_for(error.code));
}

int Output::fail(const Diagnostics& diagnostics) const {
  if (json_) {
    Json error = {
        {"code", "invalid_input"},
        {"message", "the input has " + std::to_string(diagnostics.size()) + " problem(s)"},
        {"hint", "each is listed in diagnostics"},
        {"diagnostics", to_json(diagnostics)}};
    print(Json{{"error", std::move(error)}}, "");
  } else {
    for (const auto& one : diagnostics) std::cerr << without_passwords(format(one)) << "\n";
  }
  return kUsage;
}

std::string without_passwords(std::string_view text) {
  constexpr std::string_view kScheme = "://";
  std::string out;
  for (;;) {
    const auto scheme = text.find(kScheme);
    const auto begin = scheme == text.npos ? text.size() : scheme + kScheme.size();
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) return out;
    const auto end = text.substr(0, text.find_first_of(" \t\r\n\"")).rfind('@');
    if (end == text.npos) continue;
    out += "***";
    text.remove_prefix(end);
  }
}

Json to_json(const Diagnostics& diagnostics) {
  Json list = Json::array();
  for (const auto& one : diagnostics) {
    list.push_back({{"level", one.level == Diagnostic::Level::error ? "error" : "warning"},
                    {"file", without_passwords(one.file)},
                    {"line", one.line},
                    {"column", one.column},
                    {"pointer", one.pointer},
                    {"message", without_passwords(one.message)},
                    {"hint", one.hint}});
    if (!one.code.empty()) list.back()["code"] = one.code;
  }
  return list;
}

} // namespace sluice::cli
