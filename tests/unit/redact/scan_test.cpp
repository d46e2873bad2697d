// Every instruction set's scan against the plain one and against what a stretch is by definition.
#include "policy/redact/scan.hpp"

#include "policy/redact/shape.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace sluice::redact;

namespace {

constexpr std::size_t kRun = 16;

void sort(std::vector<Stretch>& all) {
  std::sort(all.begin(), all.end(), [](const Stretch& a, const Stretch& b) {
    return std::tuple(a.kind, a.begin, a.end) < std::tuple(b.kind, b.begin, b.end);
  });
}

// The bytes stand at the very end of an allocation, so that a sanitizer sees a read beyond them.
std::vector<Stretch> by_scan(const ScanIsa& isa, const std::string& text) {
  const auto exact = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), exact.get());
  StretchScan scan;
  scan.data = exact.get();
  scan.size = text.size();
  std::vector<Stretch> all;
  Stretch some[kStretches];
  while (const auto count = isa.stretches(scan, some)) {
    BOOST_TEST_REQUIRE(count <= kStretches);
    all.insert(all.end(), some, some + count);
  }
  sort(all);
  return all;
}

std::vector<Stretch> by_definition(const std::string& text) {
  std::vector<Stretch> all;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && is_token_byte(text[end])) ++end;
    if (end - begin >= kRun) {
      const auto run = text.substr(begin, end - begin);
      all.push_back(
          {begin, end, Stretch::Kind::run,
           run.find_first_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos});
    }
    begin = std::max(end, begin + 1);
  }
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const bool mark =
        (text[i] == ':' && text[i + 1] == '/') || (text[i] == '-' && text[i + 1] == 'B');
    if (mark) {
      all.push_back({i - std::min(i, Shape::kMarkReach), i + 1, Stretch::Kind::mark, false});
    }
  }
  sort(all);
  return all;
}

std::vector<bool> leads_by(const ScanIsa& isa, const std::string& text) {
  const auto exact = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), exact.get());
  std::vector<std::uint64_t> words((text.size() + 63) / 64, ~std::uint64_t{0});
  isa.disguise_leads(exact.get(), text.size(), words.data());
  std::vector<bool> out;
  for (std::size_t i = 0; i < words.size() * 64; ++i)
    out.push_back((words[i / 64] >> (i % 64) & 1U) != 0);
  for (std::size_t i = text.size(); i < out.size(); ++i) BOOST_TEST(!out[i]);
  out.resize(text.size());
  return out;
}

std::vector<bool> leads_by_definition(const std::string& text) {
  std::vector<bool> out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool two_or_three = byte == 0xC2 || (byte >= 0xCD && byte <= 0xD1) || byte == 0xD8 ||
                              byte == 0xE1 || byte == 0xE2 || byte == 0xEF || byte == 0xF0 ||
                              byte == 0xF3;
    out.push_back(c == '\\' || c == '%' || c == '&' || two_or_three);
  }
  return out;
}

void check(const std::string& text) {
  const auto stretches = by_definition(text);
  const auto leads = leads_by_definition(text);
  for (const ScanIsa& isa : scan_isas()) {
    const bool same = by_scan(isa, text) == stretches && leads_by(isa, text) == leads;
    BOOST_REQUIRE_MESSAGE(same, isa.name << " differs at a size of " << text.size());
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(scan)

BOOST_AUTO_TEST_CASE(this_machine_has_more_than_plain_code) {
  BOOST_TEST(scan_isas().back().name == std::string("plain"));
#if defined(__aarch64__)
  BOOST_TEST(scan_isas().front().name == std::string("neon"));
#elif defined(__x86_64__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  BOOST_TEST(scan_isas().front().name == std::string(has_avx2 ? "avx2" : "plain"));
#endif
}

BOOST_AUTO_TEST_CASE(the_plain_one_is_always_there) {
  BOOST_TEST(scan_isas().back().name == "plain");
}

BOOST_AUTO_TEST_CASE(each_byte_is_of_its_class_everywhere) {
  for (int c = 0; c < 256; ++c) {
    for (const std::size_t place : {0U, 1U, 15U, 16U, 31U, 32U, 63U, 64U, 100U}) {
      std::string text(130, 'a');
      text[place] = static_cast<char>(c);
      check(text);
    }
    check(std::string(77, static_cast<char>(c)));
    check(std::string(1, static_cast<char>(c)) + "/B" + static_cast<char>(c));
  }
}

BOOST_AUTO_TEST_CASE(any_bytes_of_any_size) {
  std::mt19937 random(1);
  const std::string alphabets[] = {"",
                                   "ab ",
                                   "aaaaaaaaaaaaaaaa ",
                                   ":/-B",
                                   "::://--BBa",
                                   "\\%&\xC2\xCE\xD1\xD8\xE2\xEF\xF3",
                                   "abcXYZ019_.+/=~-,@[`{^"};
  for (std::size_t size = 0; size <= 300; ++size) {
    for (const auto& alphabet : alphabets) {
      for (int round = 0; round < 6; ++round) {
        std::string text;
        for (std::size_t i = 0; i < size; ++i) {
          text +=
              alphabet.empty() ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
        }
        check(text);
      }
    }
  }
}

// Runs that begin, end and touch at each place of a word, and more stretches than fit in one
// answer.
BOOST_AUTO_TEST_CASE(runs_of_each_length_at_each_place) {
  for (std::size_t before = 0; before < 70; ++before) {
    for (const std::size_t length : {15U, 16U, 17U, 48U, 63U, 64U, 65U, 127U, 128U, 129U, 200U}) {
      check(std::string(before, ' ') + std::string(length, 'x'));
      check(std::string(before, ' ') + std::string(length, 'x') + " " + std::string(16, 'y'));
    }
  }
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += i % 3 == 0 ? "://" : i % 3 == 1 ? "-B" : "0123456789abcdef ";
  check(many);
  std::string marks;
  for (int i = 0; i < 500; ++i) marks += ":/";
  check(marks);
}

BOOST_AUTO_TEST_SUITE_END()
