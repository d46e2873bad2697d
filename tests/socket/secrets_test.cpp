// Where secrets are read from, and that a source that fails stops the start without saying the
// value.
#include "proxy/runtime/aws_keys.hpp"
#include "proxy/runtime/secrets.hpp"

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace sluice;
using From = SecretSource::From;

namespace {

SecretSource source(From from, std::vector<std::string> words) {
  SecretSource out;
  out.id = "s";
  out.from = from;
  out.words = std::move(words);
  return out;
}

std::string temp_file(const std::string& content) {
  const auto path =
      std::filesystem::temp_directory_path() / ("sluice-secret-" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << content;
  return path.string();
}

// An orphan whose new parent does not wait for it is dead all the same.
bool is_zombie(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string id, name, state;
  file >> id >> name >> state;
  return state == "Z";
}

} // namespace

BOOST_AUTO_TEST_SUITE(secrets)

BOOST_AUTO_TEST_CASE(every_source) {
  ::setenv("SLUICE_TEST_SECRET", "from-env", 1);
  const auto file = temp_file("from-file\n");
  const auto all =
      runtime::read_secrets({source(From::env, {"SLUICE_TEST_SECRET"}), source(From::file, {file}),
                             source(From::exec, {"printf", "%s\\n", "from-helper"})});
  BOOST_REQUIRE(all.has_value());
  BOOST_TEST(all.value()[0].value.reveal() == "from-env");
  BOOST_TEST(all.value()[1].value.reveal() == "from-file");
  BOOST_TEST(all.value()[2].value.reveal() == "from-helper");
  std::filesystem::remove(file);
}

BOOST_AUTO_TEST_CASE(failures_name_the_source) {
  const auto empty = temp_file("\n");
  const auto large = std::string(70'000, 'x');
  const std::vector<SecretSource> table = {
      source(From::env, {"SLUICE_TEST_NOT_SET"}),
      source(From::file, {"/nonexistent/secret"}),
      source(From::file, {empty}),
      source(From::file, {"/"}),
      source(From::exec, {"/nonexistent/helper"}),
      source(From::exec, {"false"}),
      source(From::exec, {"sh", "-c", "echo leaked-value; exit 3"}),
      source(From::exec, {"head", "-c", "70000", "/dev/zero"}),
  };
  for (const auto& one : table) {
    const auto read = runtime::read_secrets({one});
    BOOST_TEST_CONTEXT(one.words.front()) {
      BOOST_REQUIRE(!read.has_value());
      BOOST_TEST(read.error().code == "secret_unreadable");
      BOOST_TEST(read.error().detail.find("secret s:") == 0U);
      BOOST_TEST(read.error().detail.find("leaked-value") == std::string::npos);
    }
  }
  std::filesystem::remove(empty);
}

// Ten seconds for all of it, and nothing of it stays: neither what drips, nor what closed its
// output, nor what it started.
BOOST_AUTO_TEST_CASE(a_slow_helper_is_ended_with_all_it_started) {
  const std::string left = temp_file("");
  const char* scripts[] = {"(sleep 300; true) & echo $! >\"$0\"; while echo x; do sleep 1; done",
                           "(sleep 300; true) & echo $! >\"$0\"; exec >&- ; sleep 300"};
  for (const char* script : scripts) {
    const auto started = std::chrono::steady_clock::now();
    const auto read =
        runtime::read_secrets({source(From::exec, {"sh", "-c", script, left.c_str()})});
    const auto took = std::chrono::steady_clock::now() - started;
    BOOST_TEST(!read.has_value());
    BOOST_TEST((took > std::chrono::seconds(9) && took < std::chrono::seconds(13)));
    pid_t child = 0;
    std::ifstream(left) >> child;
    BOOST_REQUIRE(child > 0);
    for (int i = 0; i < 100 && ::kill(child, 0) == 0 && !is_zombie(child); ++i) ::usleep(20'000);
    BOOST_TEST((::kill(child, 0) != 0 || is_zombie(child)));
  }
  std::filesystem::remove(left);
}

BOOST_AUTO_TEST_CASE(keys_of_aws_in_one_document) {
  const auto read = [](const std::string& text) { return runtime::parse_aws_keys(Secret(text)); };
  const auto full = read(R"({"Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": "k/e+y",
    "SessionToken": "t==", "Expiration": "2030-01-01T00:00:00+01:00", "More": []})");
  BOOST_TEST_REQUIRE(full.has_value());
  BOOST_TEST(full.value().access_key.reveal() == "ASIA1");
  BOOST_TEST(full.value().value.reveal() == "k/e+y");
  BOOST_TEST(full.value().session_token.reveal() == "t==");
  BOOST_TEST(full.value().expires_unix_nanos == 1'893'452'400'000'000'000);
  const auto least = read(R"({"Version":1,"AccessKeyId":"a","SecretAccessKey":"b"})");
  BOOST_TEST_REQUIRE(least.has_value());
  BOOST_TEST(least.value().session_token.empty());
  BOOST_TEST(least.value().expires_unix_nanos == 0);
  const std::pair<std::string, std::string_view> rows[] = {
      {"hunter2", "no JSON object"},
      {"{\"hunter2", "no JSON object"},
      {"[]", "no JSON object"},
      {R"({"AccessKeyId":"a","SecretAccessKey":"hunter2"})", "Version is not 1"},
      {R"({"Version":2,"AccessKeyId":"a","SecretAccessKey":"hunter2"})", "Version is not 1"},
      {R"({"Version":1,"SecretAccessKey":"hunter2"})", "AccessKeyId is missing or no text"},
      {R"({"Version":1,"AccessKeyId":"a"})", "SecretAccessKey is missing or no text"},
      {R"({"Version":1,"AccessKeyId":"a","SecretAccessKey":""})",
       "SecretAccessKey is missing or no text"},
      {R"({"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","SessionToken":[1]})",
       "SessionToken is missing or no text"},
      {R"({"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"hunter2"})",
       "Expiration is no time"}};
  for (const auto& [text, why] : rows) {
    const auto failed = read(text);
    BOOST_TEST_REQUIRE(!failed.has_value(), text);
    const std::string expected =
        "it is not what a credential_process of AWS prints: " + std::string(why);
    BOOST_TEST(failed.error().detail == expected);
  }
}

BOOST_AUTO_TEST_CASE(each_key_of_aws_is_known_and_read_from_its_source) {
  model::Credential one;
  one.source.id = "s3";
  one.type = model::Credential::Type::aws_sigv4;
  one.keys = {source(From::exec, {"echo", "AKIDEXAMPLE"}),
              source(From::exec, {"echo", "secret-1"})};
  auto read = runtime::read_credentials({one}, "./");
  BOOST_TEST_REQUIRE(read.has_value());
  BOOST_TEST(read.value()[0].access_key.reveal() == "AKIDEXAMPLE");
  BOOST_TEST(read.value()[0].value.reveal() == "secret-1");
  std::vector<redact::KnownSecret> known;
  runtime::add_known(read.value(), known);
  BOOST_TEST_REQUIRE(known.size() == 2U);
  BOOST_TEST(known[0].id == "s3.access_key");
  BOOST_TEST(known[1].id == "s3.secret_key");
  one.keys[0] = source(From::exec, {"echo", "AK ID"});
  const auto unfit = runtime::read_credentials({one}, "./");
  BOOST_TEST_REQUIRE(!unfit.has_value());
  BOOST_TEST(unfit.error().detail == "secret s3: its access key holds a blank, ',', '/' or '='");
  one.keys.clear();
  one.source.from = From::exec;
  one.source.words = {"echo", "hunter2"};
  const auto no_keys = runtime::read_credentials({one}, "./");
  BOOST_TEST_REQUIRE(!no_keys.has_value());
  BOOST_TEST(no_keys.error().detail == "secret s3: it is not what a credential_process of AWS "
                                       "prints: no JSON object");
}

BOOST_AUTO_TEST_SUITE_END()
