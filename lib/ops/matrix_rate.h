#pragma once
#include <c10/core/ScalarType.h>

namespace llmtrain {

// Floating-point operations a second that square matrix products of a type reach on all threads: the best of as many as
// fit into the time, and one at least. What MFU is measured against.
double measured_matrix_rate(c10::ScalarType type, double seconds);

}  // namespace llmtrain
