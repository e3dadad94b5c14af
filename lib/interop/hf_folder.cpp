#include "lib/interop/hf_folder.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "lib/arch/hf_layout.h"
#include "lib/arch/parameter_table.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/interop/float_formats.h"
#include "lib/interop/hf_config_reader.h"
#include "lib/interop/hf_files.h"
#include "lib/io/safetensors.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{100} << 20;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kShownFaults = 20;
constexpr std::size_t kNamesToCompare = 1000;

// One tensor of the folder, under the name that the class gives it.
struct StoredTensor {
  std::string name;  // in the file
  const SafetensorsFile* file = nullptr;
  const SafetensorsTensor* tensor = nullptr;
};
using StoredTensors = std::map<std::string, StoredTensor>;

std::string dims(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? "a scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t elements = 1;
  for (const auto size : shape) elements *= size;
  return elements;
}

void to_floats(const std::byte* from, SafetensorsDtype type, std::span<float> to) {
  if (type == SafetensorsDtype::kF32) {
    std::memcpy(to.data(), from, to.size_bytes());
    return;
  }
  const auto convert = [&](auto&& element) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, from + 2 * i, 2);
      to[i] = element(bits);
    }
  };
  if (type == SafetensorsDtype::kBF16) return convert(from_bfloat16);
  convert(from_float16);
}

// Calls use(first element, floats) for the elements [begin, end) of a tensor, in pieces of whole multiples of `unit`.
template <class Use>
void for_pieces(const StoredTensor& stored, std::int64_t begin, std::int64_t end, std::int64_t unit, Use&& use) {
  const auto type = stored.tensor->dtype;
  const auto width = static_cast<std::int64_t>(element_bytes(type));
  const std::int64_t piece = std::max<std::int64_t>(static_cast<std::int64_t>(kChunkBytes) / width / unit, 1) * unit;
  std::vector<std::byte> bytes;
  std::vector<float> floats;
  for (std::int64_t first = begin; first < end; first += piece) {
    const auto count = static_cast<std::size_t>(std::min(piece, end - first));
    bytes.resize(count * static_cast<std::size_t>(width));
    floats.resize(count);
    stored.file->read(*stored.tensor, static_cast<std::uint64_t>(first * width), bytes);
    to_floats(bytes.data(), type, floats);
    use(first, std::span<const float>(floats));
  }
}

// Files written before the head was thought of, and those of GPT2Model, leave the prefix out.
std::string class_name_of(const std::string& name, HfFamily family) {
  const bool bare = family == HfFamily::kGpt2 && !name.starts_with("transformer.") && !name.starts_with("lm_head.");
  return bare ? "transformer." + name : name;
}

// Constants that old versions of transformers stored beside the weights.
bool is_buffer(std::string_view name, HfFamily family) {
  if (family != HfFamily::kGpt2) return name.ends_with(".rotary_emb.inv_freq");
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
}

std::vector<std::string> shard_files(const fs::path& folder, std::map<std::string, std::string>& places) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(folder / kHfSingleFile, error))) return {std::string(kHfSingleFile)};
  if (!fs::exists(fs::symlink_status(folder / kHfIndexFile, error))) {
    for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"}) {
      if (!fs::exists(folder / pickle, error)) continue;
      throw input_error("{}: holds {}, a pickle, which can run code and is never read; convert it to {}",
                        folder.string(), pickle, kHfSingleFile);
    }
    throw input_error("{}: holds neither {} nor {}", folder.string(), kHfSingleFile, kHfIndexFile);
  }
  const auto index = hf_file(folder, std::string(kHfIndexFile));
  places = parse_hf_index(read_file(index, kMaxIndexBytes), index.string());
  std::set<std::string> files;
  for (const auto& [tensor, file] : places) files.insert(file);
  return {files.begin(), files.end()};
}

class Faults {
 public:
  explicit Faults(const fs::path& folder) : folder_(folder.string()) {}

  void add(const std::string& tensor, const std::string& what) {
    if (++count_ > kShownFaults) return;
    faults_.push_back({fmt::format("{}: tensor '{}': {}", folder_, printable(tensor, 200), what), ""});
  }
  bool full() const { return count_ >= kShownFaults; }
  void stop_if_any() {
    if (faults_.empty()) return;
    if (count_ > kShownFaults) {
      faults_.push_back({fmt::format("{}: and {} tensors more", folder_, count_ - kShownFaults), ""});
    }
    throw Error(ExitCode::kInput, faults_);
  }

 private:
  std::string folder_;
  std::vector<Fault> faults_;
  std::size_t count_ = 0;
};

// The tensors of all files by the class's names; what the index says of them must be true.
StoredTensors collect(const std::vector<SafetensorsFile>& files, const std::map<std::string, std::string>& places,
                      HfFamily family, Faults& faults) {
  StoredTensors found;
  std::set<std::string> seen;
  for (const auto& file : files) {
    for (const auto& tensor : file.tensors()) {
      seen.insert(tensor.name);
      const std::string shard = file.path().filename().string();
      const auto place = places.find(tensor.name);
      if (!places.empty() && place == places.end()) {
        faults.add(tensor.name, fmt::format("stands in {}, but the index does not name it", shard));
      } else if (!places.empty() && place->second != shard) {
        faults.add(tensor.name, fmt::format("stands in {}, but the index says {}", shard, place->second));
      } else if (!is_buffer(tensor.name, family)) {
        const auto name = class_name_of(tensor.name, family);
        const bool fresh = found.emplace(name, StoredTensor{tensor.name, &file, &tensor}).second;
        if (!fresh) faults.add(tensor.name, "stands twice, with and without 'transformer.'");
      }
    }
  }
  for (const auto& [tensor, shard] : places) {
    if (seen.count(tensor) == 0) faults.add(tensor, fmt::format("is not in {}, where the index says it is", shard));
  }
  return found;
}

void check_tensor(const StoredTensor& stored, const std::vector<std::int64_t>& shape, Faults& faults) {
  const auto& tensor = *stored.tensor;
  if (tensor.shape != shape) {
    faults.add(stored.name, fmt::format("config.json makes it {}, got {}", dims(shape), dims(tensor.shape)));
  } else if (tensor.dtype != SafetensorsDtype::kF32 && tensor.dtype != SafetensorsDtype::kBF16 &&
             tensor.dtype != SafetensorsDtype::kF16) {
    faults.add(stored.name, fmt::format("expected F32, BF16 or F16, got {}", dtype_name(tensor.dtype)));
  }
}

void check_names(const StoredTensors& stored, const std::vector<HfTensor>& expected, Faults& faults) {
  std::set<std::string> known;
  for (const auto& tensor : expected) known.insert(tensor.name);
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : stored) {
    if (known.count(name) == 0) unexpected.push_back(tensor.name);
  }
  const std::vector<std::string> candidates(unexpected.begin(),
                                            unexpected.begin() + std::min(unexpected.size(), kNamesToCompare));
  for (const auto& tensor : expected) {
    const auto found = stored.find(tensor.name);
    if (found != stored.end()) {
      check_tensor(found->second, tensor.shape, faults);
      continue;
    }
    const auto meant = faults.full() ? std::nullopt : nearest(tensor.name, candidates);
    faults.add(tensor.name, fmt::format("missing, expected {}{}", dims(tensor.shape),
                                        meant ? fmt::format("; is it '{}'?", printable(*meant, 200)) : ""));
  }
  for (const auto& name : unexpected)
    faults.add(name, "unexpected: the class that config.json names has no such tensor");
}

void check_zeros(const StoredTensor& stored, Faults& faults) {
  bool zeros = true;
  for_pieces(stored, 0, product(stored.tensor->shape), 1, [&](std::int64_t, std::span<const float> floats) {
    zeros = zeros && std::all_of(floats.begin(), floats.end(), [](float value) { return value == 0; });
  });
  if (!zeros) faults.add(stored.name, "expected zeros, for config.json says that the model has no such bias");
}

// A tied head that the file holds all the same.
void check_equal(const StoredTensor& head, const StoredTensor& table, Faults& faults) {
  check_tensor(head, table.tensor->shape, faults);
  faults.stop_if_any();
  bool equal = true;
  for_pieces(head, 0, product(head.tensor->shape), 1, [&](std::int64_t first, std::span<const float> floats) {
    std::int64_t at = first;
    const auto end = first + static_cast<std::int64_t>(floats.size());
    for_pieces(table, first, end, 1, [&](std::int64_t, std::span<const float> others) {
      const auto* mine = floats.data() + (at - first);
      equal = equal && std::memcmp(mine, others.data(), others.size_bytes()) == 0;
      at += static_cast<std::int64_t>(others.size());
    });
  });
  if (!equal)
    faults.add(head.name, fmt::format("differs from '{}', but config.json says that they are tied", table.name));
}

// Where a parameter's rows lie in a tensor, after joining.
struct Place {
  StoredTensor stored;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // 1 for a vector
  bool transposed = false;
};

}  // namespace

struct HfFolder::State {
  fs::path path;
  ModelShape shape;
  std::vector<SafetensorsFile> files;
  std::map<std::string, Place> places;

  explicit State(fs::path folder) : path(std::move(folder)) {
    std::error_code error;
    if (!fs::is_directory(path, error)) throw input_error("{}: expected the folder of a model", path.string());
    const auto config = hf_file(path, "config.json");
    shape = shape_from_hf_config(read_file(config, kMaxConfigBytes), config.string());
    std::map<std::string, std::string> index;
    for (const auto& file : shard_files(path, index)) files.emplace_back(hf_file(path, file));
    open_tensors(index);
  }

  void open_tensors(const std::map<std::string, std::string>& index) {
    const auto family = hf_family(shape);
    ENSURE(family.has_value());
    const auto expected = hf_tensors(shape);
    Faults faults(path);
    auto stored = collect(files, index, *family, faults);
    faults.stop_if_any();
    std::optional<StoredTensor> spare_head;
    if (const auto head = stored.find("lm_head.weight"); shape.tied && head != stored.end()) {
      spare_head = head->second;
      stored.erase(head);
    }
    check_names(stored, expected, faults);
    faults.stop_if_any();
    place(expected, stored);
    for (const auto& tensor : expected) {
      if (tensor.parameters.empty()) check_zeros(stored.at(tensor.name), faults);
    }
    if (spare_head) check_equal(*spare_head, places.at("model.embed_tokens.weight").stored, faults);
    faults.stop_if_any();
  }

  void place(const std::vector<HfTensor>& expected, const StoredTensors& stored) {
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& parameter : parameter_table(shape)) shapes[parameter.name] = parameter.shape;
    for (const auto& tensor : expected) {
      std::int64_t row = 0;
      for (const auto& name : tensor.parameters) {
        const auto& size = shapes.at(name);
        places[name] = {.stored = stored.at(tensor.name),
                        .first_row = row,
                        .rows = size.front(),
                        .columns = size.size() > 1 ? size.back() : 1,
                        .transposed = tensor.transposed};
        row += size.front();
      }
    }
    for (const auto& parameter : parameter_table(shape)) {
      if (!parameter.tied_to.empty()) places[parameter.name] = places.at(parameter.tied_to);
    }
  }
};

HfFolder::HfFolder(fs::path path) : state_(std::make_unique<const State>(std::move(path))) {}
HfFolder::HfFolder(HfFolder&&) noexcept = default;
HfFolder& HfFolder::operator=(HfFolder&&) noexcept = default;
HfFolder::~HfFolder() = default;

const fs::path& HfFolder::path() const { return state_->path; }
const ModelShape& HfFolder::shape() const { return state_->shape; }

void HfFolder::read(const std::string& parameter, std::span<float> out) const {
  const auto found = state_->places.find(parameter);
  ENSURE(found != state_->places.end(), parameter);
  const auto& place = found->second;
  ENSURE(static_cast<std::int64_t>(out.size()) == place.rows * place.columns, parameter, out.size());
  if (!place.transposed) {
    const std::int64_t begin = place.first_row * place.columns;
    for_pieces(place.stored, begin, begin + place.rows * place.columns, 1,
               [&](std::int64_t first, std::span<const float> floats) {
                 std::copy(floats.begin(), floats.end(), out.begin() + (first - begin));
               });
    return;
  }
  // Stored as [columns, all joined rows]: whole rows of that are read, and ours cut out and turned.
  const std::int64_t width = place.stored.tensor->shape.back();
  for_pieces(place.stored, 0, place.columns * width, width, [&](std::int64_t first, std::span<const float> floats) {
    const std::int64_t column = first / width;
    const std::int64_t columns = static_cast<std::int64_t>(floats.size()) / width;
    for (std::int64_t row = 0; row < place.rows; ++row) {
      float* to = out.data() + row * place.columns + column;
      const float* from = floats.data() + place.first_row + row;
      for (std::int64_t i = 0; i < columns; ++i) to[i] = from[i * width];
    }
  });
}

}  // namespace llmtrain
