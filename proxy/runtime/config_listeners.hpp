// The listeners of sluice.yaml, and that no two of ours share a port. Part of config.hpp, which is
// what everybody else asks. Tested by tests/socket/config_test.cpp.
#pragma once

#include "policy/base/reader.hpp"
#include "proxy/io/endpoint.hpp"
#include "proxy/io/settings.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime {

class ListenerReader {
 public:
  // Files named there are relative to `folder`. Without an identity nobody can prove who is there,
  // at either end.
  std::vector<io::ListenerSettings> read(Reader at, const std::filesystem::path& folder,
                                         bool has_identity);
  // The kernel would let two of ours share a port (SO_REUSEPORT), and either take half of the
  // calls. `name` is who is bound to `here` from now on.
  void alone(const Reader& at, const io::Endpoint& here, const std::string& name);

 private:
  void kind(Reader& item, io::ListenerSettings& listener) const;
  void peers(Reader& item, io::ListenerSettings& listener) const;
  void bind(Reader at, io::ListenerSettings& listener);

  std::filesystem::path folder_;
  std::vector<std::pair<io::Endpoint, std::string>> bound_; // and by whom
  bool has_identity_ = false;
};

} // namespace sluice::runtime
