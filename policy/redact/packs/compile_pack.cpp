// Run by the build: checks and compiles a pack and writes it as C++ text. A pack with a fault does
// not build.   compile_pack SYMBOL anchored|open OUT FILE…
#include "policy/redact/format_table.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

using namespace sluice;

namespace {

redact::TokenFormats read_pack(char** files, redact::Beginnings beginnings, Diagnostics& problems) {
  redact::TokenFormats all;
  for (; *files != nullptr; ++files) {
    const auto document = load_document(*files, problems);
    if (!document) continue;
    for (auto& format : redact::parse_formats(*document, problems, beginnings))
      all.push_back(std::move(format));
  }
  return all;
}

// A short line for each piece, in octal: what follows a digit cannot be taken for a part of it.
void write_text(std::ostream& out, std::string_view bytes) {
  constexpr std::size_t kLine = 32;
  for (std::size_t at = 0; at < bytes.size(); at += kLine) {
    out << '"';
    for (const char c : bytes.substr(at, kLine)) {
      const auto byte = static_cast<unsigned char>(c);
      out << '\\' << static_cast<char>('0' + (byte >> 6U))
          << static_cast<char>('0' + (byte >> 3U & 7U)) << static_cast<char>('0' + (byte & 7U));
    }
    out << "\"\n";
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 5) return EXIT_FAILURE;
  Diagnostics problems;
  const bool open = std::string_view(argv[2]) == "open";
  const std::string table = redact::write_formats(read_pack(
      argv + 4, open ? redact::Beginnings::open : redact::Beginnings::anchored, problems));
  if (!problems.empty()) {
    std::cerr << format(problems) << '\n';
    return EXIT_FAILURE;
  }
  std::ofstream out(argv[3], std::ios::binary);
  out << "// Generated from policy/redact/packs; not for editing.\n#include <string_view>\n\n"
         "namespace sluice::redact {\n\nextern const std::string_view "
      << argv[1] << ";\nconst std::string_view " << argv[1] << "(\n";
  write_text(out, table);
  out << ", " << table.size() << ");\n\n} // namespace sluice::redact\n";
  out.close();
  return out ? EXIT_SUCCESS : EXIT_FAILURE;
}
