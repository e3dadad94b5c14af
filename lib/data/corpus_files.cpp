#include "lib/data/corpus_files.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/io/glob.h"
#include "lib/io/jsonl.h"
#include "lib/io/token_binary.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFirstLook = std::size_t{64} << 10;
constexpr std::size_t kLongLook = std::size_t{1} << 20;
constexpr std::string_view kDataNames = "*.txt, *.text, *.jsonl, *.ndjson, *.bin, each also .gz, .zst or .zstd";

// A kind of file that is not read, by its first bytes or by its suffix.
struct Foreign {
  std::string_view begins;
  std::string_view suffix;
  std::string_view what;
  std::string_view way_out;
};
constexpr std::array<Foreign, 11> kForeign = {{
    {"PAR1", "", "a parquet file", "converting it to JSON lines"},
    {"PK\x03\x04", "", "a zip archive or PyTorch file", "unpacking it, or converting it to safetensors"},
    {"\xfd"
     "7zXZ",
     "", "xz data", "unpacking it with xz -d, or packing it with zstd"},
    {"BZh", "", "bzip2 data", "unpacking it with bzip2 -d, or packing it with zstd"},
    {"\x04\x22\x4d\x18", "", "lz4 data", "unpacking it with lz4 -d, or packing it with zstd"},
    {"\x80\x02", "", "a Python pickle, which can run code", "converting it where it was made"},
    {"\x80\x03", "", "a Python pickle, which can run code", "converting it where it was made"},
    {"\x80\x04", "", "a Python pickle, which can run code", "converting it where it was made"},
    {"", ".csv", "a table of comma-separated values", "converting it to JSON lines, or format: text"},
    {"", ".tsv", "a table of tab-separated values", "converting it to JSON lines, or format: text"},
    {"", ".json", "a JSON document", "one object a line (jq -c '.[]' cuts an array), or format: text"},
}};

std::string lower_name(const fs::path& path) {
  std::string name = path.filename().string();
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

// The name without a suffix of compression.
std::string_view inner_name(std::string_view name) {
  for (const std::string_view suffix : {".gz", ".zst", ".zstd"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(), [&](auto suffix) { return name.ends_with(suffix); });
}

bool is_data_name(const fs::path& path) {
  const std::string name = lower_name(path);
  return ends_with_any(inner_name(name), {".txt", ".text", ".jsonl", ".ndjson", ".bin"});
}

std::vector<fs::path> data_files_of_folder(const fs::path& folder, std::vector<fs::path>* passed_over) {
  std::vector<fs::path> taken;
  std::vector<fs::path> others;
  for (auto& path : list_tree(folder)) (is_data_name(path) ? taken : others).push_back(std::move(path));
  if (taken.empty()) {
    throw input_error("{}: no data file in the folder, expected {}, got {}", folder.string(), kDataNames,
                      others.empty() ? "no file at all"
                                     : fmt::format("{} others, {} the first; try a glob that names them", others.size(),
                                                   others.front().filename().string()));
  }
  if (passed_over != nullptr) passed_over->insert(passed_over->end(), others.begin(), others.end());
  return taken;
}

std::vector<fs::path> resolve(const std::string& pattern, std::vector<fs::path>* passed_over) {
  std::error_code ignored;
  const auto status = fs::status(pattern, ignored);
  if (fs::is_directory(status)) return data_files_of_folder(pattern, passed_over);
  if (fs::exists(status)) return {pattern};
  const std::string here = fs::path(pattern).is_absolute()
                               ? ""
                               : fmt::format("; relative paths start at {}", fs::current_path(ignored).string());
  if (!is_glob(pattern)) throw input_error("{}: no such file or folder, expected training data{}", pattern, here);
  std::vector<fs::path> found = expand_glob(pattern);
  if (found.empty()) throw input_error("{}: nothing matches, expected files that fit the pattern{}", pattern, here);
  return found;
}

std::string read_start(const fs::path& path, Compression compression, std::size_t bytes) {
  ExpandedStream stream(path, compression);
  std::string start(bytes, '\0');
  start.resize(stream.read(start.data(), bytes));
  return start;
}

void refuse_foreign(const fs::path& path, std::string_view name, std::string_view start) {
  for (const Foreign& each : kForeign) {
    const bool hit = each.suffix.empty() ? start.starts_with(each.begins) : name.ends_with(each.suffix);
    if (!hit) continue;
    throw input_error("{}: {}, expected text, JSON lines or a token file; try {}", path.string(), each.what,
                      each.way_out);
  }
}

// Whether the first line that is not blank is a JSON object.
bool begins_with_json_line(const CorpusFile& file, std::string start) {
  constexpr std::string_view kSpace = " \t\r\n";
  if (start.starts_with("\xef\xbb\xbf")) start.erase(0, 3);
  const auto first = start.find_first_not_of(kSpace);
  if (first == std::string::npos || start[first] != '{') return false;
  auto end = start.find('\n', first);
  if (end == std::string::npos && start.size() >= kFirstLook - 3) {
    start = read_start(file.path, file.compression, kLongLook);
    end = start.find('\n', start.find('{'));
    if (end == std::string::npos && start.size() == kLongLook) {
      throw input_error(
          "{}: text or JSON lines? the first line begins with '{{' and is longer than {} bytes; try format",
          file.path.string(), kLongLook);
    }
  }
  const auto from = start.find('{');
  return is_json_object(std::string_view(start).substr(from, end == std::string::npos ? end : end - from));
}

DataFormat detect_format(const CorpusFile& file, std::string_view name, const std::string& start) {
  if (is_llmc_header(start)) return DataFormat::kTokens;
  if (ends_with_any(name, {".jsonl", ".ndjson"})) return DataFormat::kJsonl;
  if (name.ends_with(".bin")) {
    refuse_foreign(file.path, name, start);
    return DataFormat::kTokens;
  }
  if (begins_with_json_line(file, start)) return DataFormat::kJsonl;
  refuse_foreign(file.path, name, start);
  return DataFormat::kText;
}

CorpusFile examine(const fs::path& path, DataFormat wanted) {
  const std::string full_name = lower_name(path);
  const std::string_view name = inner_name(full_name);
  const bool tokens_by_name = wanted == DataFormat::kTokens || (wanted == DataFormat::kAuto && name.ends_with(".bin"));
  CorpusFile file{.path = path, .format = wanted, .identity = {}};
  {
    const InputFile raw(path);
    file.identity = raw.identity();
    std::string first(8, '\0');
    first.resize(raw.read_some(first.data(), first.size(), 0));
    // Raw ids may begin like anything, so a token file counts as compressed only if its name says so too.
    if (!tokens_by_name || name.size() < full_name.size()) file.compression = detect_compression(first);
  }
  const std::string start = read_start(path, file.compression, kFirstLook);
  if (start.empty()) throw input_error("{}: the file is empty, expected at least one document", path.string());
  if (wanted == DataFormat::kAuto) file.format = detect_format(file, name, start);
  return file;
}

// A key that fits none of the files would be obeyed by nobody.
void check_keys_are_used(const DataSource& source, const std::vector<CorpusFile>& files) {
  const auto check = [&](const char* key, bool given, DataFormat format) {
    const bool used = std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.format == format; });
    if (!given || used) return;
    throw input_error("{}: {} is given, but there is no file of format {}, expected one, got {} of format {}",
                      source.path, key, enum_name(format), files.size(), enum_name(files.front().format));
  };
  check("id_field", source.id_field.has_value(), DataFormat::kJsonl);
  check("document_separator", source.document_separator.has_value(), DataFormat::kText);
  check("document_token", source.document_token.has_value(), DataFormat::kTokens);
}

}  // namespace

std::vector<CorpusFile> list_corpus_files(const DataSource& source, std::vector<fs::path>* passed_over) {
  std::vector<CorpusFile> files;
  for (const auto& path : resolve(source.path, passed_over)) files.push_back(examine(path, source.format));
  check_keys_are_used(source, files);
  return files;
}

}  // namespace llmtrain
