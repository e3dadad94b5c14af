#pragma once
#include <cstdint>

#include "lib/ops/weight.h"

namespace llmtrain {

// Log-probabilities of targets under softmax(hidden W^T / temperature), and what training on them needs, without ever
// holding the logits of all tokens: tokens go through in chunks, so memory does not grow with vocabulary * tokens.
// Logits, softmax and sums are fp32 (double for double), whatever hidden's type.

struct TokenLogprobs {
  at::Tensor logprobs;  // [tokens] fp32, differentiable
  at::Tensor entropy;   // [tokens] fp32, differentiable, of the whole distribution
};

// hidden: [tokens, embed]; head: [vocab, embed]; targets: [tokens] int32 below vocab (checked).
// The backward pass computes the logits of a chunk anew; head.grad is added to where it trains.
TokenLogprobs linear_logprobs(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                              double temperature = 1.0);

struct CrossEntropyOptions {
  double label_smoothing = 0;  // e: the target is (1 - e) onehot + e / vocab (arXiv 1512.00567)
  double z_loss = 0;           // weight of log(sum exp logits)^2 (arXiv 2204.02311, section 5)
};

struct CrossEntropy {
  at::Tensor
      loss;  // [] fp32: sum over tokens of weight * (smoothed cross-entropy + z_loss * log Z^2); backward from here
  at::Tensor logprobs;  // [tokens] fp32, of the targets, without smoothing; not differentiable
  at::Tensor log_z;     // [tokens] fp32; not differentiable
};

// The training loss. token_weights: [tokens] fp32 (double for double), e.g. 1 / trained tokens of the whole batch, 0
// where a token is not trained: such tokens cost nothing (they are left out before the product, their targets are not
// looked at) and their logprobs and log_z are 0. Gradients of hidden and head are computed chunk by chunk in the
// forward pass, while the logits are there: three products a chunk and no second one. So each call can be gone back
// through only once, and where the head trains, whose gradient is added to in the forward pass, `loss` must enter the
// backward pass with a gradient of 1 (both checked); with a frozen head any number may multiply it. Without gradients
// only the forward part.
CrossEntropy linear_cross_entropy(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                                  const at::Tensor& token_weights, const CrossEntropyOptions& options = {});

}  // namespace llmtrain
