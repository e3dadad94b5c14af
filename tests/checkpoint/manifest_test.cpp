#include "lib/checkpoint/manifest.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

Manifest worked_manifest() {
  return {.step = 12345678901,
          .run_id = "r\"1\\\n\u00e9",
          .facts = R"({"loss":0.30000000000000004,"note":",\"sha256\":\"","seed":18446744073709551615})",
          .files = {{.name = "a b.safetensors",
                     .size = 9007199254740993,  // no double holds it
                     .sha256 = std::string(64, 'a'),
                     .tensors = {{.name = "w,\"x\"",
                                  .dtype = "F32",
                                  .shape = {2, 0, 3},
                                  .offset = 4294967296,
                                  .bytes = 0,
                                  .crc32c = 4294967295U},
                                 {.name = "s", .dtype = "F64", .shape = {}, .offset = 1, .bytes = 8, .crc32c = 0}}},
                    {.name = "empty", .size = 0, .sha256 = std::string(64, '0'), .tensors = {}}}};
}

// The body, which ends with '}', sealed as the format says: its SHA-256 as one more member.
std::string sealed(std::string body) {
  const auto digest = sha256_hex(body);
  body.pop_back();
  return body + ",\"sha256\":\"" + digest + "\"}\n";
}

nlohmann::json worked_body() {
  auto json = nlohmann::json::parse(to_json(worked_manifest()));
  json.erase("sha256");
  return json;
}

std::string refusal(const std::string& text) {
  const auto message = error_of(ExitCode::kResumeRefused, [&] { manifest_from_json(text, "step-7/manifest.json"); });
  EXPECT_TRUE(message.starts_with("step-7/manifest.json: ")) << message;
  return message;
}

void expect_equal(const TensorRecord& a, const TensorRecord& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.dtype, b.dtype);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.offset, b.offset);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(a.crc32c, b.crc32c);
}

TEST(Manifest, ComesBackAsItWas) {
  const auto expected = worked_manifest();
  const auto got = manifest_from_json(to_json(expected), "here");
  EXPECT_EQ(got.step, expected.step);
  EXPECT_EQ(got.run_id, expected.run_id);
  EXPECT_EQ(got.facts, expected.facts);
  ASSERT_EQ(got.files.size(), expected.files.size());
  for (std::size_t i = 0; i < got.files.size(); ++i) {
    EXPECT_EQ(got.files[i].name, expected.files[i].name);
    EXPECT_EQ(got.files[i].size, expected.files[i].size);
    EXPECT_EQ(got.files[i].sha256, expected.files[i].sha256);
    ASSERT_EQ(got.files[i].tensors.size(), expected.files[i].tensors.size());
    for (std::size_t t = 0; t < got.files[i].tensors.size(); ++t) {
      expect_equal(got.files[i].tensors[t], expected.files[i].tensors[t]);
    }
  }
}

TEST(Manifest, IsSealedByTheDigestOfAllBeforeIt) {
  auto text = to_json(worked_manifest());
  const auto at = text.rfind(",\"sha256\":\"");
  EXPECT_EQ(sealed(text.substr(0, at) + "}"), text);
}

TEST(Manifest, ShowsEveryFlippedBit) {
  const auto whole = to_json(worked_manifest());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto text = whole;
      text[at] = static_cast<char>(text[at] ^ (1 << bit));
      ASSERT_THAT(refusal(text), HasSubstr("damaged")) << "byte " << at << ", bit " << bit;
    }
  }
}

TEST(Manifest, ShowsEveryTruncation) {
  const auto whole = to_json(worked_manifest());
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_THAT(refusal(whole.substr(0, size)), HasSubstr("damaged"));
  refusal(whole + "\n");
}

TEST(Manifest, SaysWhichProgramWroteAnotherVersion) {
  auto json = worked_body();
  json["format_version"] = 2;
  EXPECT_THAT(refusal(sealed(json.dump())),
              HasSubstr("format version 2, expected 1; it was written by a newer llmtrain, go on with that one"));
  json["format_version"] = 0;
  json.erase("files");  // what an older format had is not asked for
  EXPECT_THAT(refusal(sealed(json.dump())), HasSubstr("format version 0, expected 1; it was written by an older"));
}

TEST(Manifest, TakesPlainFileNamesOnly) {
  for (const auto& name : {"../x"s, "/x"s, "a/b"s, ".."s, "."s, ""s, "x\0y"s}) {
    auto json = worked_body();
    json["files"][1]["name"] = name;
    EXPECT_THAT(refusal(sealed(json.dump())), HasSubstr("files[1]: '")) << name;
  }
}

// Each key left out, and each given another type.
TEST(Manifest, RefusesWhatIsNotAsExpected) {
  const auto whole = worked_body();
  int damaged = 0;
  const auto damage = [&](const nlohmann::json::json_pointer& object) {
    for (const auto& [key, value] : whole.at(object).items()) {
      auto json = whole;
      json[object].erase(key);
      EXPECT_THAT(refusal(sealed(json.dump())), HasSubstr("has no '" + key + "'"));
      ++damaged;
      if (key == "facts") continue;  // not looked into
      json = whole;
      json[object][key] = nlohmann::json{{"a", -1.5}};
      EXPECT_THAT(refusal(sealed(json.dump())), HasSubstr(key + ": expected")) << key;
    }
  };
  for (const auto* object : {"", "/files/0", "/files/0/tensors/1"}) damage(nlohmann::json::json_pointer(object));
  EXPECT_EQ(damaged, 5 + 4 + 6);
}

TEST(Manifest, RefusesNumbersThatDoNotFit) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, nlohmann::json>>{
           {"crc32c", 4294967296}, {"bytes", -1}, {"offset", 1e300}, {"shape", {2, -1}}, {"bytes", 0.5}}) {
    auto json = worked_body();
    json["files"][0]["tensors"][0][key] = value;
    EXPECT_THAT(refusal(sealed(json.dump())), HasSubstr("files[0].tensors[0]." + key)) << key;
  }
}

TEST(Manifest, RefusesSealedTextThatIsNoStrictJson) {
  refusal(sealed(R"({"format_version":1,"format_version":1})"));
  refusal(sealed("[}"));
  refusal(sealed("}"));
}

}  // namespace
}  // namespace llmtrain
