// What is wrong with manifests that were put together: each problem once, though the manifest may
// stand in a hundred places, and not more than a reader can use. Tested by
// tests/unit/overlay/resolve_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"

#include <set>
#include <string>
#include <tuple>

namespace sluice::overlay {

inline constexpr std::size_t kMaxProblems = 1000;

class Problems {
 public:
  explicit Problems(Diagnostics& out) noexcept : out_(out) {}

  void error(const Manifest& manifest, const std::string& pointer, std::string code,
             std::string message, std::string hint = {});
  void warning(const Manifest& manifest, const std::string& pointer, std::string code,
               std::string message, std::string hint = {});
  bool failed() const noexcept { return failed_; } // an error was told

 private:
  void add(Diagnostic problem);

  Diagnostics& out_;
  std::set<std::tuple<std::string, std::string, std::string>> told_;
  bool failed_ = false;
};

// For messages: the name in quotes, shortened.
std::string in_quotes_short(std::string_view name);
std::string to_string(const Capability& capability); // "http", "http (overlay)"

} // namespace sluice::overlay
