// One printer for every command: text for people, or with --json exactly one JSON document, errors
// included. Commands build the JSON; text is a rendering of the same structure. The only place
// that writes to stdout.
#pragma once

#include "policy/base/diagnostic.hpp"
#include "policy/base/result.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace sluice::cli {

using Json = nlohmann::ordered_json;

// Exit codes of spec 00; scripts depend on them.
inline constexpr int kDone = 0, kFailed = 1, kUsage = 2, kNotFound = 3, kVerificationFailed = 4,
                     kBlocked = 10, kNeedsApproval = 11;

class Output {
 public:
  explicit Output(bool json) : json_(json) {}
  bool json() const noexcept { return json_; }
  // Prints `document` with schema_version first, or `text`.
  void print(Json document, const std::string& text) const;
  // Prints an error to stderr (text) or stdout (JSON) and returns `exit_code`.
  int fail(int exit_code, const std::string& code, const std::string& message,
           const std::string& hint = {}) const;
  int fail(const Error& error) const;
  int fail(const Diagnostics& diagnostics) const; // exit 2

 private:
  bool json_;
};

Json to_json(const Diagnostics& diagnostics);
// "https://***@host": what stands before the last '@' of each URL in a message may be a password.
std::string without_passwords(std::string_view text);
// Valid JSON whatever the strings hold, and without a byte that drives a terminal. `indent` -1: on
// one line.
std::string dump(const Json& document, int indent = -1);

} // namespace sluice::cli
