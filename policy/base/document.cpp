#include "policy/base/document.hpp"

#include "policy/base/scalar.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kMaxTextBytes = 2 * kMaxDocumentBytes; // of all scalars, aliases expanded

struct Place {
  int line = 1;
  int column = 1;
};

Place place(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

// The only way out of yaml-cpp's parser before its end; caught in parse_document.
struct Refused : std::exception {
  Refused(Place where, std::string what_is_wrong, std::string what_to_do = {})
      : at(where), message(std::move(what_is_wrong)), hint(std::move(what_to_do)) {}
  Place at;
  std::string message;
  std::string hint;
};

struct Cost {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  int depth = 0;
};

Cost cost_of(const Node& node) {
  Cost total{1, node.text.size(), 1};
  const auto add = [&](const Node& child) {
    const Cost part = cost_of(child);
    total.nodes += part.nodes;
    total.bytes += part.bytes;
    total.depth = std::max(total.depth, part.depth + 1);
  };
  for (const Node& item : node.items) add(item);
  for (const Member& member : node.members) {
    total.bytes += member.key.size();
    add(member.value);
  }
  return total;
}

// Builds the tree from yaml-cpp's events, charging every node before it is kept.
class Builder final : public YAML::EventHandler {
 public:
  Node take_root() { return std::move(root_); }

  std::string pointer() const {
    std::string out;
    for (const Open& open : open_) {
      if (open.node.is_list()) {
        out += '/' + std::to_string(open.node.items.size());
      } else if (open.has_key) {
        out += '/' + pointer_token(open.key);
      }
    }
    return out;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      throw Refused(place(mark), "a second document begins here", "keep one document per file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    set_place(node, place(mark));
    // yaml-cpp marks a value that is not there at the token after it; the key is what is wrong.
    if (!open_.empty() && open_.back().has_key) set_place(node, open_.back().key_place);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_as_key(mark, "an alias");
    const auto kept = anchors_.find(anchor);
    if (kept == anchors_.end()) {
      throw Refused(place(mark), "an alias stands inside its own anchor");
    }
    charge(cost_of(kept->second), place(mark));
    attach(Node(kept->second));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (value.find('\0') != std::string::npos) {
      throw Refused(place(mark), "a string holds a NUL character");
    }
    Node node;
    set_place(node, place(mark));
    node.text = value;
    node.kind = Node::Kind::string;
    if (tag == "?") { // plain, without a tag
      resolve_plain_scalar(node);
    } else {
      check_tag(mark, tag);
    }
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    Place key_place;
    std::set<std::string> keys;
  };

  static void set_place(Node& node, Place at) {
    node.line = at.line;
    node.column = at.column;
  }

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag != "!" && tag != "?" && tag != "tag:yaml.org,2002:str") {
      throw Refused(place(mark), "tags are not read", "remove the tag");
    }
  }

  bool at_key() const {
    return !open_.empty() && open_.back().node.is_map() && !open_.back().has_key;
  }

  void refuse_as_key(const YAML::Mark& mark, std::string_view what) const {
    if (at_key()) {
      throw Refused(place(mark), std::string(what) + " is used as a key",
                    "write the key as a string; or is a bracket not closed?");
    }
  }

  void charge(const Cost& cost, Place at) {
    nodes_ += cost.nodes;
    bytes_ += cost.bytes;
    if (nodes_ > kMaxDocumentNodes || bytes_ > kMaxTextBytes) {
      throw Refused(at, "the document is too large once its aliases are expanded");
    }
    if (static_cast<int>(open_.size()) + cost.depth > kMaxDocumentDepth) {
      throw Refused(at, "the document is nested too deeply");
    }
  }

  void start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             Node::Kind kind) {
    refuse_as_key(mark, to_string(kind));
    if (kind == Node::Kind::list || tag != "tag:yaml.org,2002:map") check_tag(mark, tag);
    charge({1, 0, 1}, place(mark));
    Open open;
    open.node.kind = kind;
    open.anchor = anchor;
    set_place(open.node, place(mark));
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    keep_anchor(done.node, done.anchor);
    attach(std::move(done.node));
  }

  void add(Node node, YAML::anchor_t anchor) {
    charge({1, node.text.size(), 1}, {node.line, node.column});
    if (at_key()) return add_key(node);
    keep_anchor(node, anchor);
    attach(std::move(node));
  }

  void add_key(const Node& node) {
    Open& open = open_.back();
    const Place at{node.line, node.column};
    if (node.kind == Node::Kind::null) throw Refused(at, "a key is empty");
    if (!open.keys.insert(node.text).second) {
      throw Refused(at, "the key \"" + node.text.substr(0, 40) + "\" is written twice");
    }
    open.key = node.text;
    open.key_place = at;
    open.has_key = true;
  }

  // A kept copy is charged like a use, so that nested anchors cannot multiply memory.
  void keep_anchor(const Node& node, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    charge(cost_of(node), {node.line, node.column});
    anchors_[anchor] = node;
  }

  void attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& open = open_.back();
    if (open.node.is_list()) {
      open.node.items.push_back(std::move(node));
      return;
    }
    open.node.members.push_back(
        {std::move(open.key), open.key_place.line, open.key_place.column, std::move(node)});
    open.has_key = false;
    open.key.clear();
  }

  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  int documents_ = 0;
};

Place place_of_offset(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');
  const std::size_t column = start == std::string_view::npos ? offset : offset - start - 1;
  return {static_cast<int>(line) + 1, static_cast<int>(column) + 1};
}

// After a colon yaml-cpp quotes the input, which may be a secret; what it quotes of an escape is a
// character or its number, and without it the sentence says nothing.
std::string without_quotes(const std::string& said) {
  for (const auto* whole : {YAML::ErrorMsg::INVALID_ESCAPE, YAML::ErrorMsg::INVALID_UNICODE}) {
    if (said.starts_with(whole)) return said;
  }
  return said.substr(0, said.find(':'));
}

// yaml-cpp says what it expected, not what to look for.
std::string hint_for(std::string_view said) {
  namespace msg = YAML::ErrorMsg;
  const std::pair<std::string_view, const char*> hints[] = {
      {msg::END_OF_MAP_FLOW, "a ',' or ':' is missing here, or a '}' behind it"},
      {msg::END_OF_SEQ_FLOW, "a ',' is missing here, or a ']' behind it"},
      {msg::FLOW_END, "a '}' or ']' too many"},
      {msg::MAP_VALUE, "quote a value that contains ': '"},
      {msg::EOF_IN_SCALAR, "a closing quote is missing"},
      {msg::UNKNOWN_TOKEN, "quote a value that begins with a special character"},
      {msg::INVALID_ESCAPE, "write \\\\ for a backslash, or use single quotes"}};
  for (const auto& [text, hint] : hints) {
    if (said.starts_with(text)) return hint;
  }
  return "";
}

void report(Diagnostics& out, const std::string& file, Place at, std::string pointer,
            std::string message, std::string hint = {}) {
  out.push_back({Diagnostic::Level::error, file, at.line, at.column, std::move(pointer),
                 std::move(message), std::move(hint)});
}

} // namespace

const Node* Node::find(std::string_view key) const noexcept {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string_view to_string(Node::Kind kind) noexcept {
  switch (kind) {
  case Node::Kind::null: return "nothing";
  case Node::Kind::boolean: return "a boolean";
  case Node::Kind::integer: return "an integer";
  case Node::Kind::real: return "a number";
  case Node::Kind::string: return "a string";
  case Node::Kind::list: return "a list";
  case Node::Kind::map: return "a map";
  }
  return "nothing";
}

std::optional<Document> parse_document(std::string_view text, std::string file, Diagnostics& out) {
  if (text.size() > kMaxDocumentBytes) {
    report(out, file, {1, 1}, "", "the file is larger than 8 MiB");
    return std::nullopt;
  }
  if (const auto bad = first_forbidden_byte(text); bad != std::string_view::npos) {
    report(out, file, place_of_offset(text, bad), "", "a byte is not printable UTF-8",
           "save the file as UTF-8 text");
    return std::nullopt;
  }
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return Document{std::move(file), builder.take_root()};
  } catch (const Refused& refused) {
    report(out, file, refused.at, builder.pointer(), refused.message, refused.hint);
  } catch (const YAML::Exception& error) {
    report(out, file, place(error.mark), builder.pointer(),
           "not valid YAML or JSON: " + without_quotes(error.msg), hint_for(error.msg));
  } catch (const std::exception&) {
    report(out, file, {1, 1}, "", "the document cannot be read");
  }
  return std::nullopt;
}

std::optional<Document> load_document(const std::string& path, Diagnostics& out) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxDocumentBytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) {
    const std::string why = std::generic_category().message(errno == 0 ? EIO : errno);
    out.push_back({Diagnostic::Level::error, path, 0, 0, "", "the file cannot be read", why});
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_document(text, path, out);
}

} // namespace sluice
