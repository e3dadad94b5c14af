#pragma once
#include <ATen/core/Tensor.h>

namespace llmtrain {

// Kernels of layer_norm and, without a mean and a bias, rms_norm, over the last axis. Weights may have any type.

struct NormResult {
  at::Tensor y;           // as x, contiguous
  at::Tensor statistics;  // [rows, 2] mean and 1 / sqrt(variance + eps), fp32 or double; undefined unless wanted
};
NormResult norm_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool centred, double eps,
                        bool keep_statistics);

struct NormGradients {
  at::Tensor x;
  at::Tensor weight;  // [width] fp32 or double; undefined without sums
  at::Tensor bias;    // the same; undefined without a mean
};
// sums: whether weight or bias trains.
NormGradients norm_backward(const at::Tensor& gy, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& statistics, bool centred, bool sums);

}  // namespace llmtrain
