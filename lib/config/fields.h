#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A config struct is an aggregate whose initializers are the only defaults, with one function
//
//   template <class Visitor>
//   void fields(OptimConfig& c, Visitor&& visit) {
//     visit("lr", c.lr, "Peak learning rate.", positive);
//   }
//
// that lists every key once: its name, the member, what it means, and what the value must satisfy. Reader, writer,
// --set, explain, schema and the key reference are visitors of that list. A member is bool, std::int64_t, double,
// std::string, Bytes, Duration, AutoCount, an enum with an EnumTable, another config struct, or std::optional /
// std::vector of these; an optional begins empty. Keys that must agree with each other are checked by an optional
//
//   void check(const OptimConfig& c, Contradictions& out);
//
// beside it, found by argument-dependent look-up.
namespace llmtrain {

// What a value must satisfy, as data, so that reader and schema read the same thing. A list's holds for each item.
struct Constraint {
  std::optional<double> minimum = std::nullopt;
  std::optional<double> maximum = std::nullopt;
  bool minimum_is_excluded = false;
  bool maximum_is_excluded = false;
  bool not_empty = false;   // strings and lists
  bool plain_name = false;  // a string that can be a file name: no '/', not "." or ".."
  bool required = false;    // the key must be there
  // May differ when a run is resumed; a section's holds for all keys below it. Every other key is essential.
  bool may_change = false;
};

inline constexpr Constraint positive{.minimum = 0.0, .minimum_is_excluded = true};
inline constexpr Constraint non_negative{.minimum = 0.0};
inline constexpr Constraint fraction{.minimum = 0.0, .maximum = 1.0};
inline constexpr Constraint positive_fraction{.minimum = 0.0, .maximum = 1.0, .minimum_is_excluded = true};
inline constexpr Constraint below_one{.minimum = 0.0, .maximum = 1.0, .maximum_is_excluded = true};
inline constexpr Constraint not_empty{.not_empty = true};
inline constexpr Constraint plain_name{.not_empty = true, .plain_name = true};
inline constexpr Constraint required{.not_empty = true, .required = true};
constexpr Constraint at_least(double minimum) { return {.minimum = minimum}; }
constexpr Constraint above(double minimum) { return {.minimum = minimum, .minimum_is_excluded = true}; }
constexpr Constraint between(double minimum, double maximum) { return {.minimum = minimum, .maximum = maximum}; }
// The same constraint of a key that may differ when a run is resumed: may_change(positive).
constexpr Constraint may_change(Constraint constraint = {}) {
  constraint.may_change = true;
  return constraint;
}

// The names of an enum's values in a pipeline file. Specialise with
//   static constexpr std::array<std::pair<Precision, std::string_view>, N> names = {{{Precision::kAuto, "auto"}, ...}};
template <class Enum>
struct EnumTable;

template <class Enum>
concept NamedEnum = requires {
  EnumTable<Enum>::names;
};

template <NamedEnum Enum>
constexpr std::string_view enum_name(Enum value) {
  for (const auto& [candidate, name] : EnumTable<Enum>::names) {
    if (candidate == value) return name;
  }
  return "?";
}

// What `check` of a config struct reports: the key at fault (relative to the struct, "" for the struct itself) and why.
class Contradictions {
 public:
  void add(std::string key, std::string why) { found_.emplace_back(std::move(key), std::move(why)); }
  const std::vector<std::pair<std::string, std::string>>& found() const { return found_; }

 private:
  std::vector<std::pair<std::string, std::string>> found_;
};

struct AnyVisitor {
  template <class... Args>
  void operator()(Args&&...) const {}
};

template <class T>
concept ConfigStruct = requires(T& value) {
  fields(value, AnyVisitor{});
};

template <class T>
concept CheckedStruct = ConfigStruct<T> && requires(const T& value, Contradictions& out) {
  check(value, out);
};

}  // namespace llmtrain
