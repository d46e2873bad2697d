#include "overlay/scenario/problems.hpp"

#include <utility>

namespace sluice::overlay {

void Problems::error(const Manifest& manifest, const std::string& pointer, std::string code,
                     std::string message, std::string hint) {
  failed_ = true;
  add(problem_at(manifest, pointer, std::move(message), std::move(hint), std::move(code)));
}

void Problems::warning(const Manifest& manifest, const std::string& pointer, std::string code,
                       std::string message, std::string hint) {
  Diagnostic one =
      problem_at(manifest, pointer, std::move(message), std::move(hint), std::move(code));
  one.level = Diagnostic::Level::warning;
  add(std::move(one));
}

void Problems::add(Diagnostic problem) {
  auto key = std::tuple(problem.file, problem.pointer, problem.message);
  if (told_.size() < kMaxProblems && told_.insert(std::move(key)).second) {
    out_.push_back(std::move(problem));
  }
}

std::string in_quotes_short(std::string_view name) {
  return '"' + std::string(name.substr(0, 60)) + (name.size() > 60 ? "…\"" : "\"");
}

std::string to_string(const Capability& capability) {
  const std::string kind(to_string(capability.kind));
  return capability.profile ? kind + " (" + *capability.profile + ')' : kind;
}

} // namespace sluice::overlay
