#include "proxy/cli/output.hpp"

#include "policy/base/bytes.hpp"

#include <iostream>
#include <utility>

namespace sluice::cli {
namespace {

constexpr int kSchemaVersion = 1;

// What a person can do about an error, by its stable code.
std::string hint_for(const std::string& code) {
  if (code == "ca_missing") return "make one with: sluice ca init --dir DIR";
  if (code == "ca_exists") return "remove the directory first if you really want a new CA";
  if (code == "ca_key_exposed") return "chmod 600 the key; if others could read it, make a new CA";
  if (code == "evidence_locked")
    return "another sluice writes there; stop it or use another evidence.dir";
  if (code == "evidence_chain_broken")
    return "look at it with: sluice evidence verify; keep it, and start a new directory";
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

int Output::fail(int exit_code, const std::string& code, const std::string& message,
                 const std::string& hint) const {
  if (json_) {
    Json error = {{"code", code}, {"message", message}, {"hint", hint}};
    print(Json{{"error", std::move(error)}}, "");
  } else {
    std::cerr << "sluice: " << message;
    if (!hint.empty()) std::cerr << " (" << hint << ")";
    std::cerr << std::endl;
  }
  return exit_code;
}

int Output::fail(const Error& error) const {
  const int exit_code = error.origin == Origin::config ? kUsage : kFailed;
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
    for (const auto& one : diagnostics) std::cerr << format(one) << "\n";
  }
  return kUsage;
}

Json to_json(const Diagnostics& diagnostics) {
  Json list = Json::array();
  for (const auto& one : diagnostics) {
    list.push_back({{"level", one.level == Diagnostic::Level::error ? "error" : "warning"},
                    {"file", one.file},
                    {"line", one.line},
                    {"column", one.column},
                    {"pointer", one.pointer},
                    {"message", one.message},
                    {"hint", one.hint}});
  }
  return list;
}

} // namespace sluice::cli
