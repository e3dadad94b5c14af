#include "lib/train/state_files.h"

#include <cmath>
#include <utility>

#include <ATen/ATen.h>

#include "lib/base/error.h"
#include "lib/io/safetensors.h"

namespace llmtrain {
namespace {

constexpr const char* kWeightsFile = "weights.safetensors";
constexpr const char* kOptimizerFile = "optimizer.safetensors";

SafetensorsDtype type_of(const at::Tensor& tensor) {
  ENSURE(tensor.scalar_type() == at::kDouble || tensor.scalar_type() == at::kFloat, at::toString(tensor.scalar_type()));
  return tensor.scalar_type() == at::kDouble ? SafetensorsDtype::kF64 : SafetensorsDtype::kF32;
}

std::string type_name(const at::Tensor& tensor) { return std::string(dtype_name(type_of(tensor))); }

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  ENSURE(tensor.is_contiguous());
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

std::vector<NamedState> weight_states(const WeightStore& store) {
  std::vector<NamedState> weights;
  for (const auto& name : store.names()) weights.push_back({name, store.master(name)});
  return weights;
}

CheckpointFile to_file(std::string name, const std::vector<NamedState>& tensors) {
  CheckpointFile file{.name = std::move(name), .header = "", .tensors = {}};
  std::vector<SafetensorsEntry> entries;
  for (const auto& [tensor_name, value] : tensors) {
    file.tensors.push_back(
        {.name = tensor_name, .dtype = type_name(value), .shape = value.sizes().vec(), .bytes = bytes_of(value)});
    entries.push_back({.name = tensor_name, .dtype = type_of(value), .shape = value.sizes().vec()});
  }
  file.header = safetensors_header(entries, {{"format", "pt"}});
  return file;
}

std::vector<NamedState> clones(const std::vector<NamedState>& states, std::vector<at::Tensor>& keep) {
  std::vector<NamedState> copies;
  for (const auto& [name, value] : states) {
    keep.push_back(value.clone());
    copies.push_back({name, keep.back()});
  }
  return copies;
}

void read_all(const std::vector<NamedState>& states, const char* file, CheckpointReader& reader, bool accept_non_finite,
              const BytesRead& told) {
  for (const auto& [name, value] : states) {
    reader.read(file, name, bytes_of(value));
    if (told) told(value.nbytes());
    // One number that is not finite makes the sum such: most tensors are gone through once.
    if (accept_non_finite || std::isfinite(value.sum(at::kDouble).item<double>())) continue;
    const auto bad = at::isfinite(value).logical_not().flatten().nonzero();
    if (bad.numel() == 0) continue;  // the sum of finite ones went beyond what a double holds
    throw resume_error(
        "{}: {}: element {} is not a finite number ({} in all); --accept-non-finite takes them as they are",
        reader.path().string(), name, bad[0].item<std::int64_t>(), bad.numel());
  }
}

void check_tensors(const std::vector<std::pair<const char*, std::vector<NamedState>>>& files,
                   const CheckpointReader& reader) {
  std::vector<ExpectedTensor> expected;
  for (const auto& [file, states] : files) {
    for (const auto& [name, value] : states) {
      expected.push_back({.file = file, .name = name, .dtype = type_name(value), .shape = value.sizes().vec()});
    }
  }
  compare_tensors(expected, reader);
}

}  // namespace

StateSnapshot take_snapshot(const WeightStore& store, const Optimizer& optimizer, const SnapshotLabel& label) {
  StateSnapshot snapshot;
  snapshot.content.step = label.step;
  snapshot.content.run_id = label.run_id;
  snapshot.content.facts = label.facts;
  snapshot.content.files.push_back(to_file(kWeightsFile, clones(weight_states(store), snapshot.copies)));
  snapshot.content.files.push_back(to_file(kOptimizerFile, clones(optimizer.state(), snapshot.copies)));
  return snapshot;
}

std::uint64_t checkpoint_bytes(const WeightStore& store, const Optimizer& optimizer) {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : weight_states(store)) bytes += value.nbytes();
  for (const auto& [name, value] : optimizer.state()) bytes += value.nbytes();
  return bytes;
}

void restore_state(WeightStore& store, Optimizer& optimizer, CheckpointReader& reader, bool accept_non_finite,
                   const BytesRead& told) {
  const auto weights = weight_states(store);
  const auto moments = optimizer.state();
  check_tensors({{kWeightsFile, weights}, {kOptimizerFile, moments}}, reader);
  read_all(weights, kWeightsFile, reader, accept_non_finite, told);
  read_all(moments, kOptimizerFile, reader, accept_non_finite, told);
  store.refresh_compute();
}

void restore_weights(WeightStore& store, CheckpointReader& reader, bool accept_non_finite, const BytesRead& told) {
  read_all(weight_states(store), kWeightsFile, reader, accept_non_finite, told);
  store.refresh_compute();
}

}  // namespace llmtrain
