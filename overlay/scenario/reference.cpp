#include "overlay/scenario/reference.hpp"

#include "overlay/manifest/manifest.hpp"
#include "policy/base/bytes.hpp"

#include <algorithm>
#include <vector>

namespace sluice::overlay {
namespace {

// What stands behind "file:", as a path; "" when another host is meant.
std::string file_url_path(std::string_view rest) {
  if (!rest.starts_with("//")) return std::string(rest);
  rest.remove_prefix(2);
  const auto slash = rest.find('/');
  const std::string_view host = rest.substr(0, slash);
  if (slash == std::string_view::npos || (!host.empty() && host != "localhost")) return "";
  return std::string(rest.substr(slash));
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

} // namespace

std::optional<std::string> normal_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == "..") {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  std::string out;
  for (const std::string_view part : parts) out += '/' + std::string(part);
  return out.empty() ? "/" : out;
}

std::string folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

bool is_below(std::string_view path, std::string_view folder) noexcept {
  if (folder == "/") return path.size() > 1 && path[0] == '/';
  return path.size() > folder.size() + 1 && path.starts_with(folder) && path[folder.size()] == '/';
}

Located locate(std::string_view reference, std::string_view folder) {
  const ManifestRef made{std::string(reference), std::nullopt};
  std::string path;
  if (!made.is_relative()) {
    const auto colon = reference.find(':');
    const std::string scheme = ascii_lower(reference.substr(0, colon));
    if (scheme != "file") {
      return {"", "manifests are not fetched: " + scheme + ": is not supported",
              "keep the manifest beside this one, and write a path such as ./child.json5"};
    }
    path = file_url_path(reference.substr(colon + 1));
    if (!path.starts_with('/')) return {"", "the file URL names no file of this machine", ""};
  } else {
    path = reference;
  }
  if (path.find_first_of("?#") != std::string::npos) {
    return {"", "a file has no query and no fragment", "write ? as %3F and # as %23"};
  }
  path = percent_decoded(path);
  if (has_control(path)) return {"", "the path holds a control character", ""};
  if (path.ends_with('/')) return {"", "the path names a folder", "name the manifest's file"};
  if (!path.starts_with('/')) path = std::string(folder) + '/' + path;
  auto out = normal_path(path);
  if (!out || *out == "/") return {"", "the path leads above the root of the file system", ""};
  return {*std::move(out), "", ""};
}

} // namespace sluice::overlay
