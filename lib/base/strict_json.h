#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace llmtrain {

// A JSON document (RFC 8259) without a repeated key, a byte order mark, a NUL byte or nesting beyond 64 levels, by a
// parser that does not recurse. Throws input_error "NAME: byte OFFSET: ..." or "NAME: PATH: ...". `name`: the file, for
// errors.
nlohmann::json parse_strict_json(std::string_view text, const std::string& name);

// One value of a document together with its place in it, so that every fault names both: "tokenizer.json:
// model.merges[12]: expected ..., got ...". Does not own the value.
class JsonView {
 public:
  JsonView(const nlohmann::json& value, std::string name) : value_(&value), name_(std::move(name)) {}

  const nlohmann::json& value() const { return *value_; }
  bool is_null() const { return value_->is_null(); }
  // A member of this object; faults if this is no object or has no such member.
  JsonView member(const std::string& key) const;
  // A view of null where there is no such member.
  JsonView member_or_null(const std::string& key) const;
  bool has(const std::string& key) const;
  std::vector<JsonView> elements() const;  // of this array
  // The member, or the value given where it is missing.
  bool flag(const std::string& key, bool otherwise) const;

  const std::string& string() const;
  bool boolean() const;
  // An id: 0 to 2^32 - 2.
  std::uint32_t id() const;
  // A whole number from 0 to 2^63 - 1.
  std::int64_t count() const;
  double number() const;
  void expect_object() const;
  // Faults unless every key of this object is one of those given.
  void expect_keys(std::initializer_list<std::string_view> known) const;
  // Faults unless the member is missing, null, or equal to the value.
  void expect_absent_or(const std::string& key, const nlohmann::json& value) const;

  // input_error with file and path in front.
  [[noreturn]] void fail(const std::string& what) const;
  JsonView at(const nlohmann::json& value, const std::string& step) const;

 private:
  JsonView(const nlohmann::json& value, std::string name, std::string path)
      : value_(&value), name_(std::move(name)), path_(std::move(path)) {}

  const nlohmann::json* value_;
  std::string name_;
  std::string path_;
};

}  // namespace llmtrain
