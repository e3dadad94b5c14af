#include "lib/checkpoint/manifest.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/strict_json.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSeal = ",\"sha256\":\"";
constexpr std::size_t kDigestLength = 64;

template <class Record>
const Record* find_named(const std::vector<Record>& records, std::string_view name) {
  const auto found = std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.name == name; });
  return found == records.end() ? nullptr : &*found;
}

Json tensor_json(const TensorRecord& t) {
  return {{"name", t.name},     {"dtype", t.dtype}, {"shape", t.shape},
          {"offset", t.offset}, {"bytes", t.bytes}, {"crc32c", t.crc32c}};
}

FileRecord read_record(const nlohmann::json& json) {
  FileRecord file{.name = json.at("name"), .size = json.at("size"), .sha256 = json.at("sha256"), .tensors = {}};
  for (const auto& t : json.at("tensors")) {
    file.tensors.push_back({.name = t.at("name"),
                            .dtype = t.at("dtype"),
                            .shape = t.at("shape"),
                            .offset = t.at("offset"),
                            .bytes = t.at("bytes"),
                            .crc32c = t.at("crc32c")});
  }
  return file;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

// The text without its seal, which must fit it.
std::string unsealed(const std::string& text, const std::string& name) {
  const auto at = text.rfind(kSeal);
  const bool whole =
      at != std::string::npos && text.size() == at + kSeal.size() + kDigestLength + 3 && text.ends_with("\"}\n");
  const std::string body = whole ? text.substr(0, at) + "}" : "";
  if (!whole || sha256_hex(body) != text.substr(at + kSeal.size(), kDigestLength)) {
    throw resume_error("{}: damaged, its SHA-256 does not fit", name);
  }
  return body;
}

}  // namespace

const TensorRecord* FileRecord::find(std::string_view tensor) const { return find_named(tensors, tensor); }

const FileRecord* Manifest::find(std::string_view file) const { return find_named(files, file); }

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
    const auto json = parse_strict_json(body, name);
    const auto version = json.at("format_version").get<std::int64_t>();
    if (version != kManifestVersion) {
      throw resume_error("{}: format version {}, expected {}; it was written by a {} llmtrain, go on with that one",
                         name, version, kManifestVersion, version > kManifestVersion ? "newer" : "older");
    }
    Manifest manifest{
        .step = json.at("step"), .run_id = json.at("run_id"), .facts = json.at("facts").dump(), .files = {}};
    for (const auto& file : json.at("files")) {
      manifest.files.push_back(read_record(file));
      if (!is_plain_name(manifest.files.back().name)) {
        throw resume_error("{}: '{}' is no plain file name", name, manifest.files.back().name);
      }
    }
    return manifest;
  } catch (const nlohmann::json::exception& error) {
    throw resume_error("{}: not as expected: {}", name, error.what());
  }
}

}  // namespace llmtrain
