#include "policy/redact/format_table.hpp"

#include <array>
#include <concepts>
#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace sluice::redact {

// The fields of what is written and read, listed once.
struct FormatFields {
  template <class Archive, class Anchor>
  requires std::same_as<std::remove_const_t<Anchor>, Shape::Anchor>
  static void each(Archive& archive, Anchor& anchor) {
    archive(anchor.text, anchor.state, anchor.any_case);
  }
  template <class Archive, class Of>
  requires std::same_as<std::remove_const_t<Of>, Shape>
  static void each(Archive& archive, Of& shape) {
    archive(shape.class_of_, shape.classes_, shape.next_, shape.flags_, shape.anchors_,
            shape.absorbing_, shape.max_hold_, shape.has_secret_part_, shape.run_, shape.has_mark_);
  }
  template <class Archive, class Of>
  requires std::same_as<std::remove_const_t<Of>, TokenFormat>
  static void each(Archive& archive, Of& format) {
    archive(format.id, format.title, format.shape, format.entropy, format.check,
            format.starts_at_boundary, format.ends_at_boundary, format.without_digit,
            format.block_end, format.opening, format.visible, format.max_length);
  }
};

namespace {

template <class T>
concept Plain = std::is_trivially_copyable_v<T>;

class TableWriter {
 public:
  template <class... Fields> void operator()(const Fields&... fields) { (put(fields), ...); }
  std::string take() { return std::move(out_); }

 private:
  template <class T> void put(const T& value) {
    if constexpr (Plain<T>) {
      out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      FormatFields::each(*this, value);
    }
  }
  void put(const std::string& text) {
    put(text.size());
    out_ += text;
  }
  template <class T> void put(const std::vector<T>& all) {
    put(all.size());
    for (const T& one : all) put(one);
  }
  std::string out_;
};

class TableReader {
 public:
  explicit TableReader(std::string_view table) : rest_(table) {}
  template <class... Fields> void operator()(Fields&... fields) { (get(fields), ...); }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) throw std::logic_error("the table of token formats is cut");
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::size_t get_size() {
    std::size_t size = 0;
    get(size);
    return size;
  }
  template <class T> void get(T& value) {
    if constexpr (Plain<T>) {
      std::memcpy(&value, take(sizeof value).data(), sizeof value);
    } else {
      FormatFields::each(*this, value);
    }
  }
  void get(std::string& text) { text = take(get_size()); }
  template <class T> void get(std::vector<T>& all) {
    const auto size = get_size();
    if constexpr (Plain<T>) {
      const auto bytes = take(size * sizeof(T));
      all.resize(size);
      std::memcpy(all.data(), bytes.data(), bytes.size());
    } else {
      for (std::size_t i = 0; i < size; ++i) get(all.emplace_back());
    }
  }
  std::string_view rest_;
};

} // namespace

std::string write_formats(const TokenFormats& formats) {
  TableWriter writer;
  for (const auto& format : formats) writer(*format);
  return writer.take();
}

TokenFormats read_formats(std::string_view table) {
  TableReader reader(table);
  TokenFormats out;
  while (!reader.at_end()) {
    auto format = std::make_shared<TokenFormat>();
    reader(*format);
    out.push_back(std::move(format));
  }
  return out;
}

} // namespace sluice::redact
