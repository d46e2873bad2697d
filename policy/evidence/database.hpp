// A small SQLite database in one file that nobody has to trust: opened without following links,
// with nothing in it able to run code, and believed only when its tables are exactly those that are
// expected. The only place that names SQLite. Never makes a file that others can read.
// Tested by tests/unit/evidence/index_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::evidence {

// Error codes: "index_busy" (another process writes it), "index_readonly" (it cannot be written,
// for lack of rights or room), "index_corrupt" (anything else: make it anew).
class Statement {
 public:
  Statement() = default;
  // Positions are counted from 1 when something is bound, from 0 when it is read, as SQLite does.
  void bind(int at, std::int64_t value) noexcept;
  void bind(int at, std::string_view text) noexcept; // copied
  void bind_blob(int at, std::string_view bytes) noexcept;
  Result<bool> step(); // whether there is a row
  Result<> run();      // a statement without rows; ready to be bound again
  void reset() noexcept;
  std::int64_t integer(int column) const noexcept;
  std::string_view text(int column) const noexcept; // or bytes; until the next step

 private:
  friend class Database;
  struct Close {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, Close> statement_;
};

class Database {
 public:
  enum class Mode : bool { existing, create };
  // `existing`: read-only when it cannot be written, which the first write then says.
  static Result<Database> open(const std::string& path, Mode mode);
  Result<> run(const char* sql);
  Result<Statement> prepare(const char* sql);
  // Every CREATE statement in it, in the order of their names, each followed by a newline.
  Result<std::string> schema();

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

} // namespace sluice::evidence
