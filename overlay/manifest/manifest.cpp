#include "overlay/manifest/manifest.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::overlay {
namespace {

std::string unescaped_token(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    out += escape ? (token[++i] == '0' ? '~' : '/') : token[i];
  }
  return out;
}

const Node* item_at(const Node& list, std::string_view token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool whole = error == std::errc() && end == token.data() + token.size();
  return whole && index < list.items.size() ? &list.items[index] : nullptr;
}

// The places of the value and of its key.
std::pair<Place, Place> both_places(const Document& document, std::string_view pointer) {
  const Node* here = &document.root;
  Place value{here->line, here->column};
  Place key = value;
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string token = unescaped_token(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(std::min(pointer.size(), pointer.find('/')));
    if (here->is_map()) {
      const auto member = std::find_if(here->members.begin(), here->members.end(),
                                       [&](const Member& one) { return one.key == token; });
      if (member == here->members.end()) return {value, value};
      key = {member->line, member->column};
      here = &member->value;
    } else {
      here = here->is_list() ? item_at(*here, token) : nullptr;
      if (here == nullptr) return {value, value};
      key = {here->line, here->column};
    }
    value = {here->line, here->column};
  }
  return {value, key};
}

} // namespace

std::string to_string(const Version& version) {
  return std::to_string(version.major) + '.' + std::to_string(version.minor) + '.' +
         std::to_string(version.patch);
}

std::string_view to_string(Feature feature) noexcept {
  return feature == Feature::docker ? "docker" : "kvm";
}

bool ManifestRef::is_relative() const noexcept { // RFC 3986 §3.1
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '+' ||
           c == '-' || c == '.';
  };
  const auto colon = url.find(':');
  if (colon == std::string::npos || colon == 0 || is_digit(url[0])) return true;
  return !std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(colon), fits);
}

std::string to_string(const SourceRef& source) {
  switch (source.kind) {
  case SourceRef::Kind::child_export: return '#' + source.child + '.' + source.name;
  case SourceRef::Kind::provide: return "provides." + source.name;
  case SourceRef::Kind::slot: return "slots." + source.name;
  case SourceRef::Kind::resource: return "resources." + source.name;
  case SourceRef::Kind::framework: return "framework." + source.name;
  }
  return "";
}

Place place_of(const Document& document, std::string_view pointer) {
  return both_places(document, pointer).first;
}

Place place_of_key(const Document& document, std::string_view pointer) {
  return both_places(document, pointer).second;
}

Diagnostic problem_at(const Manifest& manifest, std::string pointer, std::string message,
                      std::string hint, std::string code) {
  Diagnostic out;
  if (manifest.document != nullptr) {
    const Place place = place_of(*manifest.document, pointer);
    out.file = manifest.document->file;
    out.line = place.line;
    out.column = place.column;
  }
  out.pointer = std::move(pointer);
  out.message = std::move(message);
  out.hint = std::move(hint);
  out.code = std::move(code);
  return out;
}

} // namespace sluice::overlay
