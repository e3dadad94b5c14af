#include "lib/io/safetensors.h"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "lib/base/random.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kGolden = LLMTRAIN_SOURCE_DIR "/tests/io/golden/small.safetensors";

std::string file_bytes(const std::string& json, std::size_t data_bytes) {
  const std::uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + std::string(data_bytes, 'x');
}

std::string refusal_of(const std::string& bytes) {
  const TempDir folder;
  const auto path = folder.write("a.safetensors", bytes);
  const auto message = error_of(ExitCode::kInput, [&] { SafetensorsFile file(path); });
  const auto name = path.string() + ": ";
  EXPECT_TRUE(message.starts_with(name)) << message;
  return message.substr(std::min(message.size(), name.size()));
}

std::string refusal(const std::string& json, std::size_t data_bytes = 0) {
  return refusal_of(file_bytes(json, data_bytes));
}

// {"a": {"dtype": ..., "shape": ..., "data_offsets": ...}}
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets,
                const std::string& name = "a") {
  return fmt::format(R"({{"{}":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", name, dtype, shape, offsets);
}

std::vector<std::byte> bytes_of(const SafetensorsFile& file, const std::string& name) {
  const auto* tensor = file.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  if (tensor == nullptr) return {};
  std::vector<std::byte> bytes(tensor->bytes);
  file.read(*tensor, bytes);
  return bytes;
}

template <class T>
std::vector<T> values_of(const SafetensorsFile& file, const std::string& name) {
  const auto bytes = bytes_of(file, name);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// The golden file is the safetensors package's: scripts/fixtures/safetensors_golden.py.
TEST(SafetensorsFile, ReadsWhatThePackageWrote) {
  const SafetensorsFile file(kGolden);
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "pt"}}));
  ASSERT_EQ(file.tensors().size(), 7U);
  const auto* weight = file.find("wpe.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->dtype, SafetensorsDtype::kF32);
  EXPECT_THAT(weight->shape, ElementsAre(2, 3));
  EXPECT_THAT(values_of<float>(file, "wpe.weight"), ElementsAre(0.5F, -1.25F, 3.0F, 0.0F, -0.0F, 65504.0F));
  EXPECT_THAT(file.find("scalar")->shape, ElementsAre());
  EXPECT_THAT(values_of<double>(file, "scalar"), ElementsAre(2.718281828459045));
  EXPECT_THAT(values_of<std::int64_t>(file, "ids"), ElementsAre(0, -1, std::int64_t{1} << 62));
  EXPECT_THAT(values_of<std::uint16_t>(file, "half"), ElementsAre(0x3C00, 0x4000, 0xB800));
  EXPECT_THAT(values_of<unsigned char>(file, "\uce35.bias \"q\""), ElementsAre(7, 255));
  EXPECT_EQ(file.find("mask")->dtype, SafetensorsDtype::kBool);
  EXPECT_THAT(file.find("empty")->shape, ElementsAre(2, 0, 3));
  EXPECT_EQ(file.find("empty")->bytes, 0U);
  EXPECT_EQ(file.find("wpe"), nullptr);
  EXPECT_EQ(file.find(""), nullptr);
}

TEST(SafetensorsFile, ReadsAPartOfATensor) {
  const SafetensorsFile file(kGolden);
  std::vector<std::byte> half(2);
  file.read(*file.find("half"), 2, half);
  EXPECT_THAT(half, ElementsAre(std::byte{0x00}, std::byte{0x40}));
  EXPECT_THROW(file.read(*file.find("half"), 5, half), InternalError);
}

TEST(WriteSafetensors, GivesThePackagesBytes) {
  const std::vector<std::int64_t> ids = {0, -1, std::int64_t{1} << 62};
  const std::vector<double> scalar = {2.718281828459045};
  const std::vector<float> weight = {0.5F, -1.25F, 3.0F, 0.0F, -0.0F, 65504.0F};
  const std::vector<std::uint16_t> half = {0x3C00, 0x4000, 0xB800};
  const std::vector<unsigned char> bias = {7, 255};
  const std::vector<unsigned char> mask = {1, 0, 1};
  const auto of = [](const auto& values) { return std::as_bytes(std::span(values)); };
  const std::vector<SafetensorsContent> tensors = {
      {{"ids", SafetensorsDtype::kI64, {3}}, of(ids)},
      {{"scalar", SafetensorsDtype::kF64, {}}, of(scalar)},
      {{"wpe.weight", SafetensorsDtype::kF32, {2, 3}}, of(weight)},
      {{"empty", SafetensorsDtype::kI32, {2, 0, 3}}, {}},
      {{"half", SafetensorsDtype::kF16, {3}}, of(half)},
      {{"\uce35.bias \"q\"", SafetensorsDtype::kU8, {2}}, of(bias)},
      {{"mask", SafetensorsDtype::kBool, {3}}, of(mask)},
  };
  const TempDir folder;
  write_safetensors(folder / "ours", tensors, {{"format", "pt"}});
  EXPECT_EQ(slurp(folder / "ours"), slurp(kGolden));
}

TEST(SafetensorsHeader, EndsAtAMultipleOfEightForEveryLength) {
  for (std::size_t length = 1; length <= 16; ++length) {
    const auto header = safetensors_header({{std::string(length, 'n'), SafetensorsDtype::kU8, {0}}});
    EXPECT_EQ(header.size() % 8, 0U);
    std::uint64_t said = 0;
    std::memcpy(&said, header.data(), 8);
    EXPECT_EQ(said, header.size() - 8);
  }
}

TEST(SafetensorsFile, ReadsAFileWithoutTensors) {
  const TempDir folder;
  EXPECT_TRUE(SafetensorsFile(folder.write("a", safetensors_header({}))).tensors().empty());
  EXPECT_TRUE(SafetensorsFile(folder.write("b", file_bytes("{}", 0))).tensors().empty());
}

TEST(SafetensorsFile, RefusesABadLength) {
  EXPECT_EQ(refusal_of("\1\0\0\0"s), "byte 0: expected the 8 bytes of the header's length, got a file of 4");
  EXPECT_EQ(refusal_of("\1\xe1\xf5\5\0\0\0\0"s), "byte 0: header of 100000001 bytes, expected at most 100000000");
  EXPECT_EQ(refusal_of("\xff\xff\xff\xff\xff\xff\xff\xff{}"s),
            "byte 0: header of 18446744073709551615 bytes, expected at most 100000000");
  EXPECT_EQ(refusal_of("\3\0\0\0\0\0\0\0{}"s), "byte 0: header of 3 bytes, but the file holds 2 after its length");
}

TEST(SafetensorsFile, RefusesWhatIsNoStrictJson) {
  EXPECT_EQ(refusal(" {}"), "byte 8: expected '{'");
  EXPECT_EQ(refusal(""), "byte 8: expected '{'");
  EXPECT_EQ(refusal("\xef\xbb\xbf{}"), "byte 8: expected '{'");
  EXPECT_EQ(refusal("{}\0{}"s), "byte 10: NUL byte, expected JSON");
  EXPECT_EQ(refusal("{\"\xc3\":1}"), "byte 10: malformed UTF-8");
  EXPECT_THAT(refusal("{}{}"), HasSubstr("byte 10: malformed JSON"));
  EXPECT_THAT(refusal(R"({"\ud800":1})"), HasSubstr("malformed JSON"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}})", 4),
              HasSubstr("byte 39: a: malformed JSON"));
  EXPECT_THAT(refusal(R"({"a":)" + std::string(1000000, '[')),
              HasSubstr("byte 13: a: expected an object, got an array"));
  EXPECT_THAT(refusal(one("\"F32\"", "[" + std::string(1000000, '[') + "]", "[0,4]"), 4),
              HasSubstr("a: shape: expected a"));
}

TEST(SafetensorsFile, RefusesBadNames) {
  EXPECT_EQ(refusal(one("\"U8\"", "[1]", "[0,1]", ""), 1), "byte 9: empty name of a tensor");
  EXPECT_EQ(refusal(one("\"U8\"", "[1]", "[0,1]", "a\\u0000b"), 1),
            "byte 9: a\\x00b: control byte in the name of a tensor");
  EXPECT_EQ(refusal(one("\"U8\"", "[1]", "[0,1]", "a\\nb"), 1), "byte 9: a\\nb: control byte in the name of a tensor");
  EXPECT_THAT(refusal(one("\"U8\"", "[1]", "[0,1]", std::string(1025, 'n')), 1),
              HasSubstr("is too long: expected at most 1024 bytes, got 1025"));
  EXPECT_EQ(
      refusal(
          R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[],"data_offsets":[1,2]},)"
          R"("a":{"dtype":"U8","shape":[],"data_offsets":[2,3]}})",
          3),
      "byte 111: a: stands twice");
}

TEST(SafetensorsFile, RefusesBadMembers) {
  EXPECT_EQ(refusal(R"({"a":1})"), "byte 13: a: expected an object, got a number");
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("byte 28: a: key 'dtype' stands twice"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1],"offsets":[0,4]}})", 4),
              HasSubstr("a: unknown key 'offsets', expected dtype, shape and data_offsets"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"F32","shape":[1]}})", 4), HasSubstr("a: has no data_offsets"));
  EXPECT_THAT(refusal(R"({"a":{}})"), HasSubstr("a: has no dtype"));
  EXPECT_EQ(refusal(one("\"Q4\"", "[1]", "[0,4]"), 4), "byte 22: a: dtype: unknown type 'Q4'");
  EXPECT_THAT(refusal(one("7", "[1]", "[0,4]"), 4), HasSubstr("a: dtype: expected a string, got a number"));
  EXPECT_THAT(refusal(one("\"F32\"", "{}", "[0,4]"), 4), HasSubstr("a: shape: expected an array, got an object"));
  EXPECT_THAT(refusal(one("\"F32\"", "[\"1\"]", "[0,4]"), 4),
              HasSubstr("a: shape: expected a whole number from 0, got '1'"));
  EXPECT_THAT(refusal(one("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4),
              HasSubstr("expected at most 8 sizes, got more"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"format":1}})"),
              HasSubstr("__metadata__: key 'format': expected a string, got a number"));
  EXPECT_THAT(refusal(R"({"__metadata__":[]})"), HasSubstr("__metadata__: expected an object, got an array"));
  EXPECT_THAT(refusal(R"({"__metadata__":{"k":"v","k":"v"}})"), HasSubstr("__metadata__: key 'k' stands twice"));
  EXPECT_THAT(refusal(R"({"__metadata__":{},"__metadata__":{}})"), HasSubstr("__metadata__: stands twice"));
}

TEST(SafetensorsFile, RefusesBadNumbers) {
  const auto of_shape = [](const std::string& shape) { return refusal(one("\"F32\"", shape, "[0,4]"), 4); };
  const auto of_offsets = [](const std::string& offsets) { return refusal(one("\"F32\"", "[1]", offsets), 4); };
  EXPECT_THAT(of_shape("[-1]"), HasSubstr("a: shape: expected a whole number from 0, got a negative number"));
  EXPECT_THAT(of_shape("[1.0]"), HasSubstr("a: shape: expected a whole number from 0, got 1.0"));
  EXPECT_THAT(of_shape("[9223372036854775808]"), HasSubstr("shape: 9223372036854775808 is too large a number"));
  EXPECT_THAT(of_shape("[18446744073709551616]"), HasSubstr("got 18446744073709551616"));
  EXPECT_THAT(of_shape("[1e99999]"), HasSubstr("malformed JSON at '1e99999'"));
  EXPECT_THAT(of_shape("[" + std::string(1000000, '9') + "]"), HasSubstr("malformed JSON"));
  EXPECT_THAT(of_shape("[4294967296,4294967296]"),
              HasSubstr("a: shape [4294967296, 4294967296] has too many elements"));
  EXPECT_THAT(of_shape("[4294967296,4294967296,0]"), HasSubstr("has too many elements"));
  EXPECT_THAT(of_shape("[4611686018427387904]"), HasSubstr("has too many elements"));  // 2^62 elements, 2^64 bytes
  EXPECT_THAT(of_shape("[2]"), HasSubstr("a: data_offsets hold 4 bytes, but F32 [2] takes 8"));
  EXPECT_THAT(of_offsets("[-4,0]"),
              HasSubstr("a: data_offsets: expected a whole number from 0, got a negative number"));
  EXPECT_THAT(of_offsets("[-0,4]"), HasSubstr("got a negative number"));
  EXPECT_THAT(of_offsets("[0,4.0]"), HasSubstr("got 4.0"));
  EXPECT_THAT(of_offsets("[4,0]"), HasSubstr("data_offsets: begin 4 is past the end 0"));
  EXPECT_THAT(of_offsets("[0,4,4]"), HasSubstr("data_offsets: expected two numbers, got more"));
  EXPECT_THAT(of_offsets("[4]"), HasSubstr("data_offsets: expected two numbers, got 1"));
  EXPECT_THAT(of_offsets("[]"), HasSubstr("data_offsets: expected two numbers, got 0"));
  EXPECT_THAT(of_offsets("[9223372036854775807,4]"), HasSubstr("is past the end"));
}

TEST(SafetensorsFile, RefusesABadLayout) {
  const auto of_two = [](const std::string& a, const std::string& b, std::size_t data_bytes) {
    const std::string json = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                             R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
    return refusal(json, data_bytes);
  };
  EXPECT_EQ(of_two("[0,2]", "[1,3]", 3), "byte 61: b: overlaps 'a'");
  EXPECT_EQ(of_two("[0,2]", "[0,2]", 2).substr(9), "b: overlaps 'a'");
  EXPECT_EQ(of_two("[0,2]", "[3,5]", 5), "byte 61: b: a hole of 1 bytes before it");
  EXPECT_EQ(of_two("[1,3]", "[3,5]", 5), "byte 9: a: a hole of 1 bytes before it");
  EXPECT_EQ(of_two("[0,2]", "[2,4]", 3), "byte 61: b: ends at byte 4 of the data, but the file holds 3");
  EXPECT_EQ(of_two("[0,2]", "[2,4]", 5), "byte 117: 1 bytes left over after the last tensor");
  EXPECT_EQ(refusal("{}", 1), "byte 10: 1 bytes left over after the last tensor");
}

TEST(SafetensorsFile, TakesTensorsInAnyOrderOfTheHeader) {
  const TempDir folder;
  const SafetensorsFile file(folder.write(
      "a", file_bytes(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"e":{"dtype":"U8","shape":[0],)"
                      R"("data_offsets":[2,2]},"a":{"shape":[2],"data_offsets":[0,2],"dtype":"U8"}}  )",
                      0) +
               "xyz"));
  EXPECT_THAT(values_of<char>(file, "a"), ElementsAre('x', 'y'));
  EXPECT_THAT(values_of<char>(file, "b"), ElementsAre('z'));
}

TEST(SafetensorsFile, RefusesMoreTensorsThanTheLimit) {
  std::string json = "{";
  for (int i = 0; i <= 1000000; ++i) {
    json += fmt::format(R"("{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}},)", i);
  }
  json.back() = '}';
  EXPECT_THAT(refusal(json), HasSubstr("more than 1000000 tensors"));
}

TEST(SafetensorsFile, ReadsAHundredThousandTensors) {
  constexpr std::size_t kCount = 100000;
  std::vector<std::uint32_t> values(kCount);
  std::vector<SafetensorsContent> tensors;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    values[i] = i;
    tensors.push_back(
        {{fmt::format("layers.{}.weight", i), SafetensorsDtype::kU32, {1}}, std::as_bytes(std::span(&values[i], 1))});
  }
  const TempDir folder;
  write_safetensors(folder / "many", tensors);
  const SafetensorsFile file(folder / "many");
  for (std::uint32_t i = 0; i < kCount; i += 997) {
    ASSERT_THAT(values_of<std::uint32_t>(file, fmt::format("layers.{}.weight", i)), ElementsAre(i));
  }
}

// A refusal or a file that holds together, whatever the bytes: no crash, no read outside.
TEST(SafetensorsFile, SurvivesChangedBytes) {
  const TempDir folder;
  const auto whole = slurp(kGolden);
  RandomStream random(11, "safetensors_test");
  int refused = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    auto bytes = whole;
    const auto changes = 1 + random.below(3);
    for (std::uint64_t i = 0; i < changes; ++i) bytes[random.below(472)] = static_cast<char>(random.next_u32());
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
    const auto path = folder.write("a", bytes);
    try {
      const SafetensorsFile file(path);
      for (const auto& tensor : file.tensors()) {
        ASSERT_LE(tensor.offset + tensor.bytes, bytes.size());
        bytes_of(file, tensor.name);
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::kInput);
      ++refused;
    }
  }
  EXPECT_GT(refused, 2000);
}

TEST(SafetensorsFile, SaysWhereAFileThatShrankEnds) {
  const TempDir folder;
  const auto path = folder.write("a", slurp(kGolden));
  const SafetensorsFile file(path);
  std::filesystem::resize_file(path, 500);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { bytes_of(file, "wpe.weight"); }),
              HasSubstr("byte 504: the file ends here"));
}

TEST(SafetensorsFile, RefusesWhatIsNoFile) {
  const TempDir folder;
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { SafetensorsFile file(folder.path()); }), HasSubstr("a directory"));
  error_of(ExitCode::kInput, [&] { SafetensorsFile file(folder / "none"); });
}

}  // namespace
}  // namespace llmtrain
