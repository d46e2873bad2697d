// The URL that checkpoints are posted to: what is refused at load, and never shown; what counts as
// an answer.
#include "proxy/io/poster.hpp"
#include "proxy/runtime/config.hpp"

#include <boost/test/unit_test.hpp>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace sluice;

namespace {

std::string refusal(std::string_view url) {
  const auto parsed = model::parse_service_url(url);
  if (parsed) return {};
  BOOST_TEST((parsed.error().code == "url_invalid"));
  BOOST_TEST((parsed.error().origin == Origin::config));
  return parsed.error().detail;
}

// Takes one connection for each of `answers`, reads a request's head, says it, and closes.
class Server {
 public:
  explicit Server(std::vector<std::string> answers)
      : acceptor_(context_.get_executor(), {io::net::ip::address_v4::loopback(), 0}),
        thread_([this, all = std::move(answers)] { serve(all); }) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { thread_.join(); }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/take?k=k-1";
  }

 private:
  void serve(const std::vector<std::string>& answers) {
    for (const auto& answer : answers) {
      io::Socket peer = acceptor_.accept();
      io::ErrorCode ignored;
      std::string head;
      io::net::read_until(peer, io::net::dynamic_buffer(head), "}\n", ignored);
      io::net::write(peer, io::net::buffer(answer), ignored);
    }
  }
  io::net::io_context context_;
  io::Acceptor acceptor_;
  std::thread thread_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(poster)

BOOST_AUTO_TEST_CASE(only_a_whole_answer_of_2xx_is_success) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::vector<std::pair<std::string, std::string>> answers = {
      {ok + "Content-Length: 2\r\n\r\nhi", ""},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
      {ok + "\r\nuntil it closes", ""},
      {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", ""},
      {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ""},
      {ok + "Content-Length: 9\r\n\r\nhi", "HTTP"},
      {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "answered 500"},
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
       "answered 302"},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "101"},
      {"", "HTTP"},
      {"no HTTP at all\r\n\r\n", "HTTP"},
      {ok + "\r\n" + std::string(100'000, 'x'), "64 KiB"}};
  std::vector<std::string> said;
  for (const auto& answer : answers) said.push_back(answer.first);
  const Server server(said);
  io::OwnPorts own_ports;
  io::Poster poster(model::parse_service_url(server.url()).value(), nullptr, io::Settings(),
                    own_ports);
  for (const auto& [answer, wrong] : answers) {
    const auto posted = poster.post("{}\n");
    BOOST_TEST_CONTEXT(answer.substr(0, 60)) {
      BOOST_TEST(posted.has_value() == wrong.empty());
      if (posted) continue;
      BOOST_TEST(posted.error().detail.find(wrong) != std::string::npos, posted.error().detail);
      BOOST_TEST(posted.error().detail.find("k-1") == std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_url_is_taken_apart) {
  const auto parsed = model::parse_service_url("https://Witness.Example/take/it?key=a%20b").value();
  BOOST_TEST(parsed.to.authority() == "witness.example");
  BOOST_TEST(parsed.to.port == 443);
  BOOST_TEST(parsed.target == "/take/it?key=a%20b");
  BOOST_TEST(model::parse_service_url("https://witness.example").value().target == "/");
  BOOST_TEST(model::parse_service_url("https://[2001:db8::1]:8443/").value().to.port == 8443);
}

BOOST_AUTO_TEST_CASE(without_tls_only_to_this_machine) {
  for (const char* url : {"http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/",
                          "http://127.9.9.9/", "http://LocalHost:1/"}) {
    BOOST_TEST(refusal(url) == "", url);
  }
  for (const char* url : {"http://witness.example/", "http://10.0.0.1/", "http://192.168.1.1/",
                          "http://169.254.169.254/", "http://0.0.0.0/", "http://localhost.example/",
                          "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/"}) {
    BOOST_TEST(refusal(url) == "without TLS only to a loopback address or localhost", url);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_url_to_post_to_is_refused) {
  for (const std::string url : {"",
                                "x",
                                "/path",
                                "*",
                                "ftp://w.test/",
                                "https://",
                                "https:///path",
                                "https://w.test:0/",
                                "https://w.test:65536/",
                                "https://user:pw@w.test/",
                                "https://w.test/#part",
                                "https://w.test/a b",
                                "https://w.test/a\r\nX: y",
                                "https://w.test/?a\nb",
                                "https://w.test\\@x/",
                                "https://w..test/",
                                "https://[::1/",
                                "https://w.test/\xC3\xBC",
                                "https://w.test/?\xC3\xBC",
                                "https://w.test/?\x7f",
                                "wss://w.test/",
                                "https://%77.test/"}) {
    BOOST_TEST(refusal(url) != "", url);
  }
}

BOOST_AUTO_TEST_CASE(a_refusal_has_nothing_of_the_url) {
  BOOST_TEST(refusal("http://witness.example/?key=k-1").find("k-1") == std::string::npos);
  const auto load = runtime::load_config_text(
      "version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:0\"}]\npolicy: p.yaml\n"
      "evidence: {anchor: {url: \"http://witness.example/?key=k-1\"}}\n",
      "s.yaml");
  BOOST_TEST(!load.config.has_value());
  const auto said = format(load.diagnostics);
  BOOST_TEST(said.find("s.yaml:4:") != std::string::npos, said);
  BOOST_TEST(said.find("/evidence/anchor/url") != std::string::npos, said);
  BOOST_TEST(said.find("k-1") == std::string::npos, said);
}

BOOST_AUTO_TEST_SUITE_END()
