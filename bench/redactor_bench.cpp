// How fast redaction is, in megabytes of input a second of one thread's CPU time, the engines
// interleaved, median of the rounds. Ratios to memcpy in the same run are what can be compared.
// The text is made from files every Debian system has. Prints a Markdown table.
// usage: bench_redactor [ROUNDS (5)] [MEGABYTES (16)]
#include "bench/hostile_text.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/scan.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using bench::Random;
using bench::token;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// ---- corpora -----------------------------------------------------------------------------------

std::string read_files(const char* folder, std::string_view kinds, std::size_t bytes) {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (auto it = std::filesystem::recursive_directory_iterator(folder, none);
       it != std::filesystem::recursive_directory_iterator(); it.increment(none)) {
    const auto kind = it->path().extension().string() + " ";
    if (it->is_regular_file(none) && kinds.find(kind) != std::string_view::npos) {
      files.push_back(it->path());
    }
  }
  std::sort(files.begin(), files.end());
  std::shuffle(files.begin(), files.end(), Random(1));
  std::string out;
  for (std::size_t i = 0; out.size() < bytes && i < files.size(); ++i) {
    std::ifstream file(files[i], std::ios::binary);
    out.append(std::istreambuf_iterator<char>(file), {});
  }
  if (out.size() > bytes) out.resize(bytes);
  return out;
}

// Two fifths prose of manuals, two fifths programs, a fifth headers, in pieces of 4 KB.
std::string ordinary_text(std::size_t bytes) {
  const std::string parts[] = {read_files("/usr/share/perl", ".pod ", bytes / 5 * 2),
                               read_files("/usr/lib/python3.11", ".py ", bytes / 5 * 2),
                               read_files("/usr/include", ".h ", bytes / 5)};
  constexpr std::size_t kPiece = 4'000;
  std::string out;
  for (std::size_t i = 0; out.size() < bytes; ++i) {
    const std::string& part = parts[i % 5 == 4 ? 2 : i % 2];
    if (part.size() <= kPiece) break;
    out += part.substr(i * kPiece % (part.size() - kPiece), kPiece);
  }
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\t': out += "\\t"; break;
    default:
      if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
  }
  return out + '"';
}

// Chat-completion bodies of 2 to 200 KB, with a token every `secret_every` bytes of text.
std::string chat(std::size_t bytes, std::size_t secret_every) {
  const std::string text = ordinary_text(bytes);
  Random random(2);
  std::string out;
  std::size_t at = 0, next_secret = secret_every;
  while (at < text.size()) {
    const std::size_t body = 2'000 + random() % 198'000;
    out += R"({"model":"m","messages":[)";
    for (const std::size_t end = std::min(text.size(), at + body); at < end;) {
      std::string part = text.substr(at, 200 + random() % 4'000);
      at += part.size();
      if (secret_every != 0 && at > next_secret) {
        part.insert(part.size() / 2, " key=" + token(random, "ghp_", 36) + " ");
        next_secret += secret_every;
      }
      out += R"({"role":"user","content":)" + json_string(part) + "},";
    }
    out.back() = ']';
    out += "}\n";
  }
  return out;
}

// ---- engines -----------------------------------------------------------------------------------

using Engine = std::function<std::size_t(std::string_view)>; // returns bytes written

Engine redactor(std::shared_ptr<const redact::RuleSet> rules, std::size_t least, std::size_t most) {
  return [=](std::string_view text) {
    Random random(5);
    redact::Redactor one(rules);
    std::string out;
    std::size_t written = 0;
    while (!text.empty()) {
      const auto size =
          std::min(text.size(), least + (most > least ? random() % (most - least) : 0));
      one.feed(text.substr(0, size), out);
      text.remove_prefix(size);
      if (out.size() > 65'536) written += out.size(), out.clear();
    }
    one.finish(out);
    return written + out.size();
  };
}

std::size_t copy(std::string_view text) {
  static std::string to;
  to.resize(65'536);
  for (std::size_t at = 0; at < text.size(); at += to.size()) {
    std::memcpy(to.data(), text.data() + at, std::min(to.size(), text.size() - at));
  }
  return text.size();
}

std::size_t scan_only(std::string_view text) {
  redact::Stretch stretches[redact::kStretches];
  std::size_t sum = 0;
  for (std::size_t at = 0; at < text.size(); at += 16'384) {
    const auto part = text.substr(at, 16'384);
    redact::StretchScan scan;
    scan.data = part.data(), scan.size = part.size();
    while (const auto n = redact::scan_isas().front().stretches(scan, stretches)) sum += n;
  }
  return sum;
}

// What one would write first: some of the formats as one expression.
std::size_t one_expression(std::string_view text) {
  static const re2::RE2 expression(
      "ghp_[0-9A-Za-z]{36}|AKIA[0-9A-Z]{16}|sk-[0-9A-Za-z]{48}|glpat-[0-9A-Za-z_-]{20}|"
      "xox[bp]-[0-9A-Za-z-]{20,}|AIza[0-9A-Za-z_-]{35}|npm_[0-9A-Za-z]{36}|eyJ[0-9A-Za-z_-]{20,}");
  std::string out(text.substr(0, std::min<std::size_t>(text.size(), 4 << 20)));
  const auto size = out.size();
  re2::RE2::GlobalReplace(&out, expression, "[REDACTED]");
  return size;
}

std::shared_ptr<const redact::RuleSet> rules_with(std::size_t secrets, bool formats) {
  Random random(6);
  redact::RuleSetConfig config;
  config.token_formats = formats;
  for (std::size_t i = 0; i < secrets; ++i) {
    config.known.push_back(
        {std::to_string(i), Secret(token(random, "", 24 + random() % 40)), false});
  }
  return redact::RuleSet::build(config).value();
}

double seconds_of(const std::function<void()>& work) {
  const double start = cpu_seconds();
  work();
  return cpu_seconds() - start;
}

struct Row {
  std::string engine, corpus;
  Engine run;
  const std::string* text;
  std::size_t used = 0; // of the text; 0: all
  std::vector<double> rates;
};

} // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::size_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 16) << 20U;
  std::shared_ptr<const redact::RuleSet> packs;
  const double build = seconds_of([&] { packs = rules_with(0, true); });
  const std::string clean = chat(bytes, 0), leaky = chat(bytes, 10'000);
  const auto hostile = bench::hostile_texts(bytes / 2);
  const Engine whole = redactor(packs, 16'384, 16'384);
  std::vector<Row> rows = {
      {"memcpy", "chat", copy, &clean},
      {"scan alone", "chat", scan_only, &clean},
      {"RE2, 8 formats in one expression", "chat", one_expression, &clean},
      {"packs, 16 KiB", "chat", whole, &clean},
      {"packs, 16 KiB", "chat, a secret in 10 KB", whole, &leaky},
      {"packs, 1 KiB", "chat", redactor(packs, 1'024, 1'024), &clean},
      {"packs, 20-200 bytes", "chat", redactor(packs, 20, 200), &clean},
      {"packs, 3 bytes", "chat", redactor(packs, 3, 3), &clean},
  };
  for (const auto& [name, text] : hostile) rows.push_back({"packs, 16 KiB", name, whole, &text});
  std::vector<std::pair<std::size_t, double>> builds;
  for (const std::size_t n :
       {std::size_t{10}, std::size_t{100}, std::size_t{1'000}, std::size_t{10'000}}) {
    std::shared_ptr<const redact::RuleSet> known;
    builds.emplace_back(n, seconds_of([&] { known = rules_with(n, false); }));
    rows.push_back({std::to_string(n) + " known secrets, 16 KiB", "chat",
                    redactor(known, 16'384, 16'384), &clean});
  }
  rows.push_back({"packs and 100 known secrets, 16 KiB", "chat",
                  redactor(rules_with(100, true), 16'384, 16'384), &clean});
  for (int round = 0; round <= rounds; ++round) { // the first one warms up
    for (Row& row : rows) {
      std::size_t written = 0;
      const double seconds = seconds_of([&] { written = row.run(*row.text); });
      const bool part = row.engine.starts_with("RE2");
      const auto used = static_cast<double>(part ? written : row.text->size());
      if (round > 0) row.rates.push_back(used / seconds / 1e6);
    }
  }
  const auto median = [](std::vector<double> rates) {
    std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2),
                     rates.end());
    return rates[rates.size() / 2];
  };
  const double memory = median(rows.front().rates);
  std::printf("instructions: %s; packs ready in %.0f ms", redact::scan_isas().front().name,
              build * 1e3);
  for (const auto& [n, seconds] : builds) std::printf("; %zu secrets in %.0f ms", n, seconds * 1e3);
  std::printf("\n\n| engine | text | MB/s | of memcpy |\n|---|---|---|---|\n");
  for (const Row& row : rows) {
    const double rate = median(row.rates);
    std::printf("| %s | %s | %.0f | %.3f |\n", row.engine.c_str(), row.corpus.c_str(), rate,
                rate / memory);
  }
}
