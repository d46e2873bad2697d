#include "policy/evidence/file.hpp"

#include "tests/unit/evidence/evidence_support.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;
using Kind = LineReader::Kind;

struct Seen {
  Kind kind;
  std::string text;
  std::uint64_t number;
  std::uint64_t offset;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> read_lines(const std::string& text) {
  const TempDirectory directory;
  write_text(directory.path("f"), text);
  const UniqueFd fd = open_file(directory.path("f"), O_RDONLY);
  LineReader reader(fd.get());
  std::vector<Seen> all;
  do {
    const LineReader::Item item = reader.next();
    all.push_back({item.kind, std::string(item.text), item.number, item.offset});
  } while (all.back().kind != Kind::end && all.back().kind != Kind::failed);
  return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(file)

BOOST_AUTO_TEST_CASE(reads_lines) {
  BOOST_TEST((read_lines("") == std::vector<Seen>{{Kind::end, "", 0, 0}}));
  BOOST_TEST((read_lines("a\n\nbc\n") == std::vector<Seen>{{Kind::line, "a", 1, 0},
                                                           {Kind::line, "", 2, 2},
                                                           {Kind::line, "bc", 3, 3},
                                                           {Kind::end, "", 3, 6}}));
  BOOST_TEST(
      (read_lines("a\nb") ==
       std::vector<Seen>{{Kind::line, "a", 1, 0}, {Kind::torn, "b", 2, 2}, {Kind::end, "", 2, 3}}));
}

BOOST_AUTO_TEST_CASE(reads_many_lines_across_its_buffer) {
  std::string text;
  std::vector<Seen> expected;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string line(i * 7 % 2500, static_cast<char>('a' + i % 26));
    expected.push_back({Kind::line, line, i + 1, text.size()});
    text += line + '\n';
  }
  expected.push_back({Kind::end, "", 3000, text.size()});
  BOOST_TEST((read_lines(text) == expected));
}

BOOST_AUTO_TEST_CASE(bounds_lines_at_one_mebibyte) {
  const std::string full(kMaxLineBytes, 'x');
  auto seen = read_lines(full + "\nrest\n");
  BOOST_TEST((seen[0] == Seen{Kind::line, full, 1, 0}));
  BOOST_TEST((seen[1] == Seen{Kind::line, "rest", 2, full.size() + 1}));

  for (const std::size_t more : {std::size_t{1}, std::size_t{300'000}, 4 * kMaxLineBytes}) {
    const std::string long_line = full + std::string(more, 'y');
    seen = read_lines("a\n" + long_line + "\nrest\n");
    BOOST_REQUIRE(seen.size() == 4U);
    BOOST_TEST((seen[1] == Seen{Kind::too_long, "", 2, 2}));
    BOOST_TEST((seen[2] == Seen{Kind::line, "rest", 3, long_line.size() + 3}));
    seen = read_lines(long_line);
    BOOST_TEST((seen[0] == Seen{Kind::too_long, "", 1, 0}));
    BOOST_TEST((seen[1].kind == Kind::end));
  }
}

BOOST_AUTO_TEST_CASE(reports_read_errors) {
  const TempDirectory directory;
  const UniqueFd fd(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  LineReader reader(fd.get());
  const LineReader::Item item = reader.next();
  BOOST_TEST((item.kind == Kind::failed));
  BOOST_TEST(item.error == EISDIR);
}

BOOST_AUTO_TEST_CASE(never_follows_a_symbolic_link) {
  const TempDirectory directory;
  write_text(directory.path("real"), "x");
  BOOST_REQUIRE(::symlink("real", directory.path("link").c_str()) == 0);
  BOOST_TEST(!open_file(directory.path("link"), O_RDONLY).valid());
  BOOST_TEST(errno == ELOOP);
  BOOST_TEST(!read_file(directory.path("link"), 10).has_value());
}

BOOST_AUTO_TEST_CASE(bounds_whole_files) {
  const TempDirectory directory;
  write_text(directory.path("f"), std::string(100'000, 'x'));
  BOOST_TEST(read_file(directory.path("f"), 100'000).value().size() == 100'000U);
  BOOST_TEST(!read_file(directory.path("f"), 99'999).has_value());
  const auto missing = read_file(directory.path("g"), 10);
  BOOST_TEST(missing.error().code == "evidence_unavailable");
  BOOST_TEST(missing.error().detail.find("No such file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(makes_private_directories) {
  const TempDirectory directory;
  const std::string path = directory.path("a/b/c");
  BOOST_TEST(make_directory(path).has_value());
  BOOST_TEST(make_directory(path).has_value());
  struct stat info {};
  BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777) == 0700U);
  BOOST_TEST(make_directory(directory.path("slash//")).has_value());
  BOOST_REQUIRE(::stat(directory.path("slash").c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777) == 0700U);
  BOOST_TEST(!make_directory("").has_value());
  write_text(directory.path("file"), "");
  BOOST_TEST(!make_directory(directory.path("file")).has_value());
  BOOST_TEST(!make_directory(directory.path("file/below")).has_value());
}

BOOST_AUTO_TEST_CASE(writes_a_file_whole_or_not_at_all) {
  const TempDirectory directory;
  BOOST_TEST(write_file_atomically(directory.path("f"), "one").has_value());
  BOOST_TEST(write_file_atomically(directory.path("f"), "two").has_value());
  BOOST_TEST(read_text(directory.path("f")) == "two");
  BOOST_TEST(!write_file_atomically(directory.path("no/f"), "x").has_value());
  std::filesystem::create_directory(directory.path("taken"));
  BOOST_TEST(!write_file_atomically(directory.path("taken"), "x").has_value());
  std::size_t left = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    static_cast<void>(entry);
    ++left;
  }
  BOOST_TEST(left == 2U); // f and taken, nothing temporary
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
