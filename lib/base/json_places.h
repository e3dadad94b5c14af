#pragma once
#include <cstddef>
#include <iterator>
#include <string_view>

namespace llmtrain {

inline bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Where in a text nlohmann's event parser is; itself it tells the place of syntax errors only. The parser is given
// begin() and end() instead of the text's own; the handler asks at each event.
class JsonPlaces {
 public:
  // Goes through the text and leaves its place where the handler can read it.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    explicit Iterator(const char** place) : place_(place) {}
    reference operator*() const { return **place_; }
    Iterator& operator++() {
      ++*place_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return *place_ == *other.place_; }
    bool operator!=(const Iterator& other) const { return *place_ != *other.place_; }

   private:
    const char** place_;
  };

  // Starts over with a text, which is not copied. Iterators end with the next call, or when this moves.
  void start(std::string_view text) {
    text_ = text;
    place_ = text.data();
    end_ = text.data() + text.size();
    token_end_ = 0;
  }
  Iterator begin() { return Iterator(&place_); }
  Iterator end() { return Iterator(&end_); }

  // The offset of the token just read: what stands between the end of the one before and it is space and separators.
  // To be called at every event. Without the iterators in use it stays 0.
  std::size_t next_token() {
    const char* at = text_.data() + token_end_;
    while (at < place_ && at < end_ && (is_json_space(*at) || *at == ',' || *at == ':')) ++at;
    token_end_ = static_cast<std::size_t>(place_ - text_.data());
    return static_cast<std::size_t>(at - text_.data());
  }

 private:
  std::string_view text_;
  const char* place_ = nullptr;
  const char* end_ = nullptr;
  std::size_t token_end_ = 0;
};

}  // namespace llmtrain
