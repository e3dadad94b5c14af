#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace llmtrain {

// What is done to a chunk of logits [rows, vocab] (fp32, or double) while it is there; a row is a token. Every row is
// worked on by one thread, so no result depends on the number of threads. Gradients are written over the logits, or
// into `gradient` where it is another tensor (of any float type).

struct SoftmaxTargets {
  const std::int32_t* targets = nullptr;  // [rows], each checked: ENSURE
  at::Tensor log_z;                       // [rows] out: log(sum(exp(logits)))
  at::Tensor logprobs;                    // [rows] out: logits[target] - log_z
};

// entropy: [rows] out, of the softmax.
void softmax_statistics(const at::Tensor& logits, const SoftmaxTargets& out, const at::Tensor& entropy);

// What a row's log-probability and entropy pass back.
struct SoftmaxSlopes {
  const std::int32_t* targets = nullptr;  // [rows]
  at::Tensor entropy;                     // [rows], from softmax_statistics
  at::Tensor log_z;                       // [rows], likewise
  at::Tensor d_logprob;                   // [rows], contiguous
  at::Tensor d_entropy;                   // [rows], contiguous
  double scale = 1;                       // of the whole gradient
};
void softmax_gradient(const at::Tensor& logits, const SoftmaxSlopes& slopes, const at::Tensor& gradient);

struct CrossEntropyTerms {
  double label_smoothing = 0;
  double z_loss = 0;
  at::Tensor weights;  // [rows]
};
// Gives the sum over rows of weight * (smoothed cross-entropy + z_loss * log_z^2), added up in double in the order of
// rows. gradient: undefined where none is wanted.
double cross_entropy_rows(const at::Tensor& logits, const SoftmaxTargets& out, const CrossEntropyTerms& terms,
                          const at::Tensor& gradient);

}  // namespace llmtrain
