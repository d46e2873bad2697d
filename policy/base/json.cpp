#include "policy/base/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace sluice {
namespace {

// Builds the tree. A node is added to its parent when it begins, and nothing is added to that
// parent before the node has ended, so the pointers hold.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}
  Node take() { return std::move(root_); }
  const char* fault() const noexcept { return fault_; }

  bool null() override { return add(Node::Kind::null, {}) != nullptr; }
  bool boolean(bool value) override {
    Node* node = add(Node::Kind::boolean, value ? "true" : "false");
    if (node != nullptr) node->boolean = value;
    return node != nullptr;
  }
  bool number_integer(number_integer_t value) override {
    return integer(value, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    if (value <= kMost) return integer(static_cast<std::int64_t>(value), std::to_string(value));
    return real(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(number_float_t value, const std::string& text) override {
    return real(value, text);
  }
  bool string(std::string& text) override {
    return add(Node::Kind::string, std::move(text)) != nullptr;
  }
  bool binary(nlohmann::json::binary_t&) override { return refuse("it is not a JSON text"); }
  bool start_object(std::size_t) override { return open(Node::Kind::map); }
  bool start_array(std::size_t) override { return open(Node::Kind::list); }
  bool end_array() override { return close(); }
  bool end_object() override {
    std::vector<std::string_view> keys;
    keys.reserve(open_.back()->members.size());
    for (const Member& member : open_.back()->members) keys.push_back(member.key);
    std::sort(keys.begin(), keys.end());
    if (std::adjacent_find(keys.begin(), keys.end()) != keys.end())
      return refuse("a key stands twice in one object");
    return close();
  }
  bool key(std::string& name) override {
    open_.back()->members.push_back({std::move(name), 1, 1, {}});
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("it is not a JSON text");
  }

 private:
  Node* add(Node::Kind kind, std::string text) {
    if (++nodes_ > limits_.nodes) return refuse("it has too many values"), nullptr;
    Node* node = &root_;
    if (!open_.empty() && open_.back()->is_list()) {
      node = &open_.back()->items.emplace_back();
    } else if (!open_.empty()) {
      node = &open_.back()->members.back().value;
    }
    node->kind = kind;
    node->text = std::move(text);
    return node;
  }
  bool integer(std::int64_t value, std::string text) {
    Node* node = add(Node::Kind::integer, std::move(text));
    if (node != nullptr) node->integer = value;
    return node != nullptr;
  }
  bool real(double value, std::string text) {
    Node* node = add(Node::Kind::real, std::move(text));
    if (node != nullptr) node->real = value;
    return node != nullptr;
  }
  bool open(Node::Kind kind) {
    if (open_.size() >= limits_.depth) return refuse("it is nested too deeply");
    Node* node = add(kind, {});
    if (node != nullptr) open_.push_back(node);
    return node != nullptr;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(const char* why) {
    if (*fault_ == '\0') fault_ = why;
    return false;
  }

  JsonLimits limits_;
  Node root_;
  std::vector<Node*> open_;
  std::size_t nodes_ = 0;
  const char* fault_ = "";
};

} // namespace

Result<Node> read_json(std::string_view text, const JsonLimits& limits) {
  // The parser takes a NUL for the end, and some readers do not.
  if (text.find('\0') != std::string_view::npos)
    return make_error(Origin::downstream, "json_invalid", "it is not a JSON text");
  TreeBuilder builder(limits);
  bool read = false;
  try {
    read = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const nlohmann::json::exception&) { // a number out of range, in some versions
  }
  if (!read) {
    const std::string why = *builder.fault() == '\0' ? "it is not a JSON text" : builder.fault();
    return make_error(Origin::downstream, "json_invalid", why);
  }
  return builder.take();
}

char first_mark(std::string_view text) noexcept {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool mark = byte == 0xef || byte == 0xbb || byte == 0xbf || byte == 0xfe || byte == 0xff;
    if (byte > 0x20 && !mark) return c;
  }
  return 0;
}

} // namespace sluice
