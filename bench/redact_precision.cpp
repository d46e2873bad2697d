// How often the built-in packs mask something in ordinary files: redact_precision MEGABYTES
// FOLDER... Whole files, at random and each time the same ones; every mask is printed with what
// stands around it, to be judged by a person. Ordinary text holds no secrets: a mask is an error or
// an example.
#include "policy/redact/redactor.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace sluice;

std::vector<fs::path> files_below(int count, char** folders) {
  std::vector<fs::path> out;
  for (int i = 0; i < count; ++i) {
    for (fs::recursive_directory_iterator
             at(folders[i], fs::directory_options::skip_permission_denied),
         end;
         at != end; ++at) {
      if (at->is_regular_file() && !at->is_symlink()) out.push_back(at->path());
    }
  }
  std::sort(out.begin(), out.end());
  std::shuffle(out.begin(), out.end(), std::mt19937(1));
  return out;
}

std::string read(const fs::path& path) {
  constexpr std::size_t kMost = 8'000'000;
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.substr(0, kMost);
}

// A '*' where there was none is the first byte of a mask, until the next byte that is as it was.
void print_masks(const fs::path& path, const std::string& text, const std::string& masked,
                 const std::string& rules) {
  constexpr std::size_t kAround = 30, kMost = 120;
  std::size_t last = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (masked[at] == text[at] || (last != 0 && at < last + kMost)) continue;
    last = at;
    auto shown = text.substr(at - std::min(at, kAround), kMost);
    for (char& c : shown) c = c >= ' ' && c <= '~' ? c : ' ';
    std::printf("%s: %s: %s\n", path.c_str(), rules.c_str(), shown.c_str());
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s MEGABYTES FOLDER...\n", argv[0]);
    return 2;
  }
  const auto rules = redact::RuleSet::build({}).value();
  const auto most = static_cast<std::size_t>(std::atoi(argv[1])) * 1'000'000;
  std::size_t size = 0, count = 0;
  std::map<std::string, std::size_t> by_rule;
  for (const auto& path : files_below(argc - 2, argv + 2)) {
    if (size > most) break;
    const auto text = read(path);
    redact::Redactor redactor(rules, redact::Redactor::Mask::keep_length);
    std::string masked, names;
    redactor.feed(text, masked);
    redactor.finish(masked);
    size += text.size();
    for (const auto& one : redactor.findings().all()) {
      names += (names.empty() ? "" : ",") + one.rule;
      by_rule[one.rule] += one.count;
      count += one.count;
    }
    if (!names.empty()) print_masks(path, text, masked, names);
  }
  for (const auto& [rule, times] : by_rule) std::printf("%6zu %s\n", times, rule.c_str());
  const auto megabytes = static_cast<double>(size) / 1e6;
  std::printf("%zu masks in %.1f MB: %.2f in 10 MB\n", count, megabytes,
              10 * static_cast<double>(count) / megabytes);
  return 0;
}
