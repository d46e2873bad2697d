// Every file of tests/vectors/http1, read three ways: whole, one byte at a time, and with another
// message behind it. A file says what it is (`refuse framing request`, `accept response HEAD`),
// then the outline expected (`= ` lines; a refused file without them yields nothing but the error)
// and the message (`| ` lines, joined; escapes \r \n \t \0 \xNN).
#include "tests/support/http1_transcript.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace sluice;

struct Vector {
  std::string name, fault; // fault: "" when accepted
  bool is_request = true;
  std::string method = "GET"; // of the request that a response answers
  test::Transcript expected;
  std::string message;
};

std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text.at(++i)) {
    case 'r': out += '\r'; break;
    case 'n': out += '\n'; break;
    case 't': out += '\t'; break;
    case '0': out += '\0'; break;
    case 'x':
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
      break;
    default: BOOST_FAIL("an unknown escape in: " << text);
    }
  }
  return out;
}

Vector load(const std::filesystem::path& path) {
  Vector vector;
  vector.name = path.filename().string();
  std::ifstream in(path);
  std::string line, verdict, direction;
  std::getline(in, line);
  std::istringstream first(line);
  first >> verdict;
  if (verdict == "refuse") first >> vector.fault;
  first >> direction;
  first >> vector.method;
  BOOST_REQUIRE_MESSAGE(verdict == "accept" || verdict == "refuse", vector.name);
  BOOST_REQUIRE_MESSAGE(direction == "request" || direction == "response", vector.name);
  vector.is_request = direction == "request";
  while (std::getline(in, line)) {
    if (line.starts_with("| ")) vector.message += unescape(line.substr(2));
    if (line.starts_with("= ")) vector.expected.push_back(line.substr(2));
  }
  if (!vector.fault.empty() && vector.expected.empty()) {
    vector.expected.push_back("error " + vector.fault);
  }
  BOOST_REQUIRE_MESSAGE(!vector.message.empty() && !vector.expected.empty(), vector.name);
  return vector;
}

std::vector<Vector> load_all() {
  const std::filesystem::path folder =
      std::filesystem::path(SLUICE_SOURCE_DIR) / "tests/vectors/http1";
  std::vector<Vector> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    all.push_back(load(entry.path()));
  }
  std::sort(all.begin(), all.end(),
            [](const Vector& a, const Vector& b) { return a.name < b.name; });
  return all;
}

test::Transcript read(const Vector& vector, const std::string& message,
                      const std::vector<std::size_t>& cuts = {}) {
  return vector.is_request ? test::read_requests(message, cuts)
                           : test::read_responses(message, vector.method, cuts);
}

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> all = load_all();
  return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(vectors_http1)

BOOST_AUTO_TEST_CASE(there_are_many_of_both_kinds) {
  const auto refused = std::count_if(vectors().begin(), vectors().end(),
                                     [](const Vector& v) { return !v.fault.empty(); });
  BOOST_TEST(refused >= 150);
  BOOST_TEST(static_cast<long>(vectors().size()) - refused >= 40);
}

BOOST_AUTO_TEST_CASE(whole) {
  for (const auto& vector : vectors()) {
    BOOST_TEST_CONTEXT(vector.name) {
      BOOST_TEST(test::outline(read(vector, vector.message)) == vector.expected,
                 boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(one_byte_at_a_time) {
  for (const auto& vector : vectors()) {
    BOOST_TEST_CONTEXT(vector.name) {
      // With fields and phrases: the very same events.
      BOOST_TEST(read(vector, vector.message, test::every_byte(vector.message.size())) ==
                     read(vector, vector.message),
                 boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(cut_in_two_anywhere) {
  for (const auto& vector : vectors()) {
    const auto whole = read(vector, vector.message);
    for (std::size_t cut = 1; cut < vector.message.size(); ++cut) {
      BOOST_TEST_CONTEXT(vector.name << " cut at " << cut) {
        BOOST_TEST((read(vector, vector.message, {cut}) == whole));
      }
    }
  }
}

// What follows an accepted message is the next one; what follows a refused one is never read.
BOOST_AUTO_TEST_CASE(with_trailing_data) {
  for (const auto& vector : vectors()) {
    if (vector.fault == "end_of_stream") continue; // trailing bytes would be its rest
    const std::string next = vector.is_request
                                 ? "GET /smuggled HTTP/1.1\r\nHost: b.test\r\n\r\n"
                                 : "HTTP/1.1 418 Smuggled\r\nContent-Length: 0\r\n\r\n";
    const auto lines = test::outline(read(vector, vector.message + next));
    const bool seen = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
      return line.starts_with("GET /smuggled ") || line.starts_with("418 ");
    });
    BOOST_TEST_CONTEXT(vector.name) {
      const bool until_close = std::any_of(lines.begin(), lines.end(), [](const auto& line) {
        return line.find(" until-close ") != std::string::npos;
      });
      BOOST_TEST(seen == (vector.fault.empty() && !until_close));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
