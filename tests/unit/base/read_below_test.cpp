#include "policy/base/read_below.hpp"

#include "policy/base/unique_fd.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>

namespace {

using namespace sluice;
namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "sluice-below-XXXXXX").string();
    path = ::mkdtemp(name.data());
    fs::create_directories(path / "in/sub");
    std::ofstream(path / "in/sub/file") << "text";
    std::ofstream(path / "outside") << "secret";
    fs::create_symlink("sub/file", path / "in/link");
    fs::create_symlink("../outside", path / "in/away");
    fs::create_symlink(path / "outside", path / "in/absolute");
    fs::create_symlink("..", path / "in/up");
    ::mkfifo((path / "in/pipe").c_str(), 0600);
    fd = UniqueFd(::open((path / "in").c_str(), O_PATH | O_DIRECTORY));
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
  UniqueFd fd;
};

BOOST_AUTO_TEST_SUITE(read_below_)

BOOST_AUTO_TEST_CASE(only_what_lies_below_is_read) {
  const Folder folder;
  const auto read = [&](const char* name, Links links) {
    const auto got = read_below(folder.fd.get(), name, 100, links);
    return got ? got.value() : got.error().detail;
  };
  BOOST_TEST(read("sub/file", Links::refuse) == "text");
  BOOST_TEST(read("link", Links::inside) == "text");
  BOOST_TEST(read("link", Links::refuse) == "Too many levels of symbolic links");
  for (const char* name : {"away", "absolute", "up/outside", "../outside", "/etc/hostname"}) {
    BOOST_TEST(read(name, Links::inside) == "it leads out of its folder", name);
    BOOST_TEST(read(name, Links::refuse) != "secret", name);
  }
  BOOST_TEST(read("pipe", Links::inside) == "it is not a regular file"); // and nobody waits
  BOOST_TEST(read("sub", Links::inside) == "it is not a regular file");
  BOOST_TEST(read("gone", Links::inside) == "No such file or directory");
  BOOST_TEST(!read_below(-1, "sub/file", 100, Links::inside).has_value());
}

BOOST_AUTO_TEST_CASE(no_more_than_one_byte_over_the_limit) {
  const Folder folder;
  std::ofstream(folder.path / "in/long") << std::string(200'000, 'x');
  BOOST_TEST(read_below(folder.fd.get(), "long", 70'000, Links::refuse).value().size() == 70'001u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
