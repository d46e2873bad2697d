// Real programs in real boxes: those that answer, and those that hang, crash, flood, redirect,
// answer wrong or try to get out.
#include "overlay/run/helpers.hpp"

#include "overlay/plan/decode.hpp"

#include "tests/support/box_for_test.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <fstream>
#include <thread>

using namespace sluice;
using namespace sluice::overlay;
using namespace std::chrono_literals;

namespace {

bool boxes_are_possible() {
  static const bool possible = [] {
    (void)contain::block_control_signals();
    return contain::Box::create({}).has_value();
  }();
  return possible;
}

// `handler` is the body of do_POST, which has `body`; `start` runs before anything listens.
HelperProgram python(const std::string& handler, const std::string& start = "pass",
                     std::uint16_t port = 8120) {
  const std::string program = R"(
import http.server, json, os, socket, sys, time, urllib.request
)" + start + R"(
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        def say(data, status=200, **fields):
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        )" + handler + R"(
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", )" +
                              std::to_string(port) + R"(), Handler).serve_forever()
)";
  HelperProgram out;
  out.name = "/guard";
  out.command = {"/usr/bin/python3", "-I", "-c", program};
  out.environment = {"PATH=/usr/bin:/bin", "TERM_SECRET=hunter2-hunter2"};
  out.port = port;
  return out;
}

template <class T> std::string why(const Result<T>& failed) {
  return failed.has_error() ? failed.error().detail : "";
}

std::unique_ptr<Helpers> must(Result<std::unique_ptr<Helpers>> made) {
  BOOST_REQUIRE_MESSAGE(made, why(made));
  return std::move(made.value());
}

std::string failure_of(std::vector<HelperProgram> programs, const HelperTimes& times = {}) {
  const auto made = Helpers::start(std::move(programs), times);
  BOOST_REQUIRE(made.has_error());
  BOOST_TEST(made.error().detail.find("hunter2") == std::string::npos);
  return made.error().detail;
}

std::string failure_of_answer(const std::string& handler, const HelperTimes& times = {}) {
  const auto helpers = must(Helpers::start({python(handler)}, times));
  const auto answer = helpers->ask(0, "{}");
  BOOST_REQUIRE(answer.has_error());
  return answer.error().detail;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(helpers, *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                        return boxes_are_possible();
                      }))

BOOST_AUTO_TEST_CASE(a_question_is_posted_and_the_answer_returned) {
  const auto helpers = must(Helpers::start(
      {python("say(json.dumps([self.path, self.headers['Content-Type'], body.decode(), "
              "sorted(os.environ)]).encode())"),
       python("say(b'other', status=201)", "pass", 9001)}));
  const auto answer = helpers->ask(0, R"({"scope":{}})");
  BOOST_REQUIRE_MESSAGE(answer, why(answer));
  BOOST_TEST(answer.value() ==
             R"(["/", "application/json", "{\"scope\":{}}", ["LC_CTYPE", "PATH", "TERM_SECRET"]])");
  BOOST_TEST(helpers->ask(1, "{}").value() == "other");
}

BOOST_AUTO_TEST_CASE(questions_go_at_once) {
  const auto helpers = must(Helpers::start({python("time.sleep(0.5); say(body)")}));
  const auto begun = std::chrono::steady_clock::now();
  std::vector<std::thread> askers;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&, i] {
      const auto answer = helpers->ask(0, std::to_string(i));
      right += answer && answer.value() == std::to_string(i) ? 1 : 0;
    });
  }
  for (auto& one : askers) one.join();
  BOOST_TEST(right == 4);
  BOOST_TEST((std::chrono::steady_clock::now() - begun < 1800ms));
}

BOOST_AUTO_TEST_CASE(a_program_that_ends_at_once_is_told_with_what_it_said) {
  const auto said = failure_of({python("pass", "sys.exit('no \\x1b[2Jway')")});
  BOOST_TEST(has(said, "/guard: ended before it was ready"));
  BOOST_TEST(has(said, "  no \\x1b[2Jway\n"));
}

BOOST_AUTO_TEST_CASE(a_program_that_cannot_be_started_is_told) {
  HelperProgram program;
  program.name = "/guard";
  program.command = {"/nonexistent/program"};
  BOOST_TEST(has(failure_of({program}), "/guard: /nonexistent/program: No such file"));
}

BOOST_AUTO_TEST_CASE(one_that_never_listens_is_not_waited_for_longer_than_said) {
  const auto begun = std::chrono::steady_clock::now();
  const auto said = failure_of({python("pass", "print('thinking', flush=True); time.sleep(100)")},
                               {1'000ms, 1'000ms});
  BOOST_TEST(has(said, "/guard: did not answer GET / on port 8120 in 1 s"));
  BOOST_TEST(has(said, "  thinking\n"));
  BOOST_TEST((std::chrono::steady_clock::now() - begun < 4s));
}

BOOST_AUTO_TEST_CASE(one_that_accepts_and_says_nothing_is_not_ready) {
  const auto said = failure_of({python("pass", R"(
s = socket.socket(); s.bind(("127.0.0.1", 8120)); s.listen()
held = [s.accept() for _ in range(100)])")},
                               {1'000ms, 1'000ms});
  BOOST_TEST(has(said, "did not answer GET /"));
}

BOOST_AUTO_TEST_CASE(a_hanging_answer_ends_with_its_time) {
  const auto said = failure_of_answer("time.sleep(100)", {30s, 500ms});
  BOOST_TEST(has(said, "/guard: no whole answer in time"));
  // one byte now and then does not buy time
  const auto drip = failure_of_answer("self.wfile.write(b'HTTP/1.1 200 OK\\r\\n')\n"
                                      "        while True: self.wfile.write(b'x: y\\r\\n'); "
                                      "time.sleep(0.1)",
                                      {30s, 500ms});
  BOOST_TEST(has(drip, "/guard: no whole answer in time"));
}

BOOST_AUTO_TEST_CASE(a_flood_is_cut) {
  const auto declared = failure_of_answer("say(b'x' * (1024 * 1024 + 1))");
  BOOST_TEST(has(declared, "/guard: the answer is longer than 1048576 bytes"));
  const auto endless = failure_of_answer("self.wfile.write(b'HTTP/1.0 200 OK\\r\\n\\r\\n')\n"
                                         "        while True: self.wfile.write(b'x' * 65536)");
  BOOST_TEST(has(endless, "/guard: the answer is longer than 1048576 bytes"));
  const auto most = must(Helpers::start({python("say(b'x' * 1024 * 1024)")}));
  BOOST_TEST(most->ask(0, "{}").value().size() == kMaxPlanBytes);
}

BOOST_AUTO_TEST_CASE(a_status_that_is_no_success_is_told_with_what_it_says) {
  BOOST_TEST(has(failure_of_answer("say(b'{\"error\": \"\\x07 bad scope\"}', status=400)"),
                 "/guard: answered 400: {\"error\": \"\\x07 bad scope\"}"));
  const auto long_one = failure_of_answer("say(b'y' * 100000, status=500)");
  BOOST_TEST(has(long_one, "yyy (truncated)"));
  BOOST_TEST(long_one.size() < 5'000U);
}

BOOST_AUTO_TEST_CASE(a_redirect_is_not_followed) {
  BOOST_TEST(has(failure_of_answer("say(b'', status=307, Location='http://127.0.0.1:8120/x')"),
                 "/guard: answered 307"));
}

BOOST_AUTO_TEST_CASE(what_is_no_http_is_told) {
  BOOST_TEST(has(failure_of_answer("self.wfile.write(b'SSH-2.0-x\\r\\n\\r\\n')"),
                 "/guard: it does not answer in HTTP"));
}

BOOST_AUTO_TEST_CASE(a_crash_while_it_is_asked_is_told_with_its_last_words) {
  const auto said =
      failure_of_answer("print('Traceback', file=sys.stderr, flush=True); os._exit(1)");
  BOOST_TEST(has(said, "/guard: it closed without an answer"));
  BOOST_TEST(has(said, "  Traceback\n"));
}

// What it writes without end neither blocks it nor fills our memory.
BOOST_AUTO_TEST_CASE(a_talker_is_listened_to_but_not_remembered) {
  const auto helpers = must(Helpers::start(
      {python("for i in range(2000): print('z' * 4000)\n        print('last words', flush=True)\n"
              "        say(b'', status=500)")}));
  const auto answer = helpers->ask(0, "{}");
  BOOST_REQUIRE(answer.has_error());
  BOOST_TEST(answer.error().detail.size() < 3 * kMostSaidBytes);
}

BOOST_AUTO_TEST_CASE(there_is_no_way_out) {
  const auto helpers = must(Helpers::start({python(R"(out = []
        for at in (("192.0.2.1", 80), ("127.0.0.1", 80), ("169.254.169.254", 80)):
            try:
                socket.create_connection(at, 2); out.append("connected")
            except OSError as error:
                out.append(type(error).__name__)
        try:
            socket.getaddrinfo("example.com", 80); out.append("resolved")
        except OSError:
            out.append("no name")
        say(json.dumps(out).encode()))")}));
  const auto answer = helpers->ask(0, "{}");
  BOOST_REQUIRE_MESSAGE(answer, why(answer));
  BOOST_TEST(!has(answer.value(), "connected"));
  BOOST_TEST(!has(answer.value(), "resolved"));
}

BOOST_AUTO_TEST_CASE(nothing_is_left_behind) {
  const std::string mark = "sluice-helper-" + std::to_string(::getpid());
  {
    const auto helpers = must(Helpers::start(
        {python("say(b'')", "import subprocess; subprocess.Popen(['/bin/sh', '-c', 'sleep 300; : " +
                                mark + "'], start_new_session=True)")}));
    BOOST_TEST(::system(("pgrep -f 'sleep 300; : " + mark + "' > /dev/null").c_str()) == 0);
  }
  BOOST_TEST(::system(("pgrep -f '[s]leep 300; : " + mark + "' > /dev/null").c_str()) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
