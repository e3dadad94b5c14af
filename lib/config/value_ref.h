#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "lib/config/fields.h"
#include "lib/config/units.h"

// Config values without their types: what a field list says of a struct, as values that ordinary code can walk. Reader,
// writer and description work on these, so that only this header is made of templates.
namespace llmtrain {

struct ValueRef;
struct FieldRef;

// An enum by its table's order.
struct EnumRef {
  void* value;
  std::span<const std::string_view> names;
  std::size_t (*index)(const void* value);
  void (*assign)(void* value, std::size_t index);
};

struct SectionRef {
  void* value;
  void (*visit)(void* value, const std::function<void(const FieldRef&)>& each);
  void (*check)(const void* value, Contradictions& out);  // null where keys need not agree
};

struct ListRef {
  void* value;
  std::size_t (*size)(const void* value);
  ValueRef (*at)(void* value, std::size_t index);
  ValueRef (*append)(void* value);  // a default item; ends what at() gave before
  void (*clear)(void* value);
};

struct OptionalRef {
  void* value;
  bool (*given)(const void* value);
  ValueRef (*get)(void* value);
  ValueRef (*emplace)(void* value);  // a default value
  void (*reset)(void* value);
};

struct ValueRef {
  std::variant<bool*, std::int64_t*, double*, std::string*, Bytes*, Duration*, AutoCount*, EnumRef, SectionRef, ListRef,
               OptionalRef>
      to;
};

struct FieldRef {
  std::string_view name;
  std::string_view description;
  Constraint constraint;
  ValueRef value;
};

template <class T>
ValueRef value_ref(T& value);

namespace detail {

template <class T>
struct IsVector : std::false_type {};
template <class Item>
struct IsVector<std::vector<Item>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class Value>
struct IsOptional<std::optional<Value>> : std::true_type {};
template <class T>
inline constexpr bool kUnsupported = false;

template <NamedEnum Enum>
constexpr auto names_of() {
  std::array<std::string_view, EnumTable<Enum>::names.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = EnumTable<Enum>::names[i].second;
  return names;
}

template <NamedEnum Enum>
EnumRef enum_ref(Enum& value) {
  static constexpr auto kNames = names_of<Enum>();
  return {
      .value = &value,
      .names = kNames,
      .index =
          [](const void* at) {
            std::size_t index = 0;
            while (EnumTable<Enum>::names.at(index).first != *static_cast<const Enum*>(at)) ++index;
            return index;
          },
      .assign = [](void* at, std::size_t index) { *static_cast<Enum*>(at) = EnumTable<Enum>::names.at(index).first; }};
}

struct FieldVisitor {
  const std::function<void(const FieldRef&)>& each;
  template <class Member>
  void operator()(std::string_view name, Member& member, std::string_view description,
                  const Constraint& constraint = {}) const {
    each({.name = name, .description = description, .constraint = constraint, .value = value_ref(member)});
  }
};

template <ConfigStruct T>
SectionRef section_ref(T& value) {
  SectionRef section{.value = &value,
                     .visit =
                         [](void* at, const std::function<void(const FieldRef&)>& each) {
                           fields(*static_cast<T*>(at), FieldVisitor{each});
                         },
                     .check = nullptr};
  if constexpr (CheckedStruct<T>) {
    section.check = [](const void* at, Contradictions& out) { check(*static_cast<const T*>(at), out); };
  }
  return section;
}

template <class Item>
ListRef list_ref(std::vector<Item>& value) {
  static_assert(!std::is_same_v<Item, bool>, "std::vector<bool> has no references");
  using List = std::vector<Item>;
  return {.value = &value,
          .size = [](const void* at) { return static_cast<const List*>(at)->size(); },
          .at = [](void* at, std::size_t index) { return value_ref(static_cast<List*>(at)->at(index)); },
          .append = [](void* at) { return value_ref(static_cast<List*>(at)->emplace_back()); },
          .clear = [](void* at) { static_cast<List*>(at)->clear(); }};
}

template <class Value>
OptionalRef optional_ref(std::optional<Value>& value) {
  static_assert(!IsOptional<Value>::value, "an optional of an optional says nothing more");
  using Optional = std::optional<Value>;
  return {.value = &value,
          .given = [](const void* at) { return static_cast<const Optional*>(at)->has_value(); },
          .get = [](void* at) { return value_ref(static_cast<Optional*>(at)->value()); },
          .emplace = [](void* at) { return value_ref(static_cast<Optional*>(at)->emplace()); },
          .reset = [](void* at) { static_cast<Optional*>(at)->reset(); }};
}

}  // namespace detail

template <class T>
ValueRef value_ref(T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, double> ||
                std::is_same_v<T, std::string> || std::is_same_v<T, Bytes> || std::is_same_v<T, Duration> ||
                std::is_same_v<T, AutoCount>) {
    return {&value};
  } else if constexpr (NamedEnum<T>) {
    return {detail::enum_ref(value)};
  } else if constexpr (detail::IsVector<T>::value) {
    return {detail::list_ref(value)};
  } else if constexpr (detail::IsOptional<T>::value) {
    return {detail::optional_ref(value)};
  } else if constexpr (ConfigStruct<T>) {
    return {detail::section_ref(value)};
  } else {
    static_assert(detail::kUnsupported<T>, "this type cannot be a config value; see fields.h");
  }
}

}  // namespace llmtrain
