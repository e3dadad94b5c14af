#include "lib/checkpoint/manifest.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/strict_json.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSeal = ",\"sha256\":\"";
constexpr std::size_t kDigestLength = 64;

Json tensor_json(const TensorRecord& t) {
  return {{"name", t.name},     {"dtype", t.dtype}, {"shape", t.shape},
          {"offset", t.offset}, {"bytes", t.bytes}, {"crc32c", t.crc32c}};
}

std::uint64_t count_of(const JsonView& json, const char* key) {
  return static_cast<std::uint64_t>(json.member(key).count());
}

TensorRecord read_tensor(const JsonView& json) {
  TensorRecord tensor{.name = json.member("name").string(),
                      .dtype = json.member("dtype").string(),
                      .shape = {},
                      .offset = count_of(json, "offset"),
                      .bytes = count_of(json, "bytes"),
                      .crc32c = 0};
  for (const auto& size : json.member("shape").elements()) tensor.shape.push_back(size.count());
  const auto crc = count_of(json, "crc32c");
  if (crc > UINT32_MAX) json.member("crc32c").fail(fmt::format("expected at most {}, got {}", UINT32_MAX, crc));
  tensor.crc32c = static_cast<std::uint32_t>(crc);
  return tensor;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
}

FileRecord read_record(const JsonView& json) {
  FileRecord file{.name = json.member("name").string(),
                  .size = count_of(json, "size"),
                  .sha256 = json.member("sha256").string(),
                  .tensors = {}};
  if (!is_plain_name(file.name)) json.fail(fmt::format("'{}' is no plain file name", printable(file.name)));
  for (const auto& tensor : json.member("tensors").elements()) file.tensors.push_back(read_tensor(tensor));
  return file;
}

Manifest read_body(const std::string& body, const std::string& name) {
  const auto document = parse_strict_json(body, name);
  const JsonView json(document, name);
  const auto version = json.member("format_version").count();
  if (version != kManifestVersion) {
    throw resume_error("{}: format version {}, expected {}; it was written by {} llmtrain, go on with that one", name,
                       version, kManifestVersion, version > kManifestVersion ? "a newer" : "an older");
  }
  Manifest manifest{.step = json.member("step").count(),
                    .run_id = json.member("run_id").string(),
                    .facts = json.member("facts").value().dump(),
                    .files = {}};
  for (const auto& file : json.member("files").elements()) manifest.files.push_back(read_record(file));
  return manifest;
}

// The text without its seal, which must fit it.
std::string unsealed(const std::string& text, const std::string& name) {
  const auto at = text.rfind(kSeal);
  const bool whole =
      at != std::string::npos && text.size() == at + kSeal.size() + kDigestLength + 3 && text.ends_with("\"}\n");
  std::string body = whole ? text.substr(0, at) + "}" : "";
  if (!whole || sha256_hex(body) != text.substr(at + kSeal.size(), kDigestLength)) {
    throw resume_error("{}: damaged, its SHA-256 does not fit", name);
  }
  return body;
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  Json files = Json::array();
  for (const auto& file : manifest.files) {
    Json tensors = Json::array();
    for (const auto& tensor : file.tensors) tensors.push_back(tensor_json(tensor));
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}, {"tensors", tensors}});
  }
  const Json json = {{"format_version", kManifestVersion},
                     {"step", manifest.step},
                     {"run_id", manifest.run_id},
                     {"facts", Json::parse(manifest.facts)},
                     {"files", files}};
  std::string text = json.dump();
  const auto digest = sha256_hex(text);
  text.pop_back();
  return text + std::string(kSeal) + digest + "\"}\n";
}

Manifest manifest_from_json(const std::string& text, const std::string& name) {
  const auto body = unsealed(text, name);
  try {
    return read_body(body, name);
  } catch (const Error& error) {
    throw Error(ExitCode::kResumeRefused, error.what());
  }
}

bool is_of_unknown_version(const std::string& text) {
  try {
    const std::string name;
    const auto document = parse_strict_json(unsealed(text, name), name);
    return JsonView(document, name).member("format_version").count() != kManifestVersion;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace llmtrain
