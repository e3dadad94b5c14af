#include "lib/ops/runtime.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <omp.h>
#include <sched.h>

#include "lib/base/parallel.h"
#include "lib/ops/mkl_switch.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

// Once a process, whichever test comes first.
const RuntimeChoices& started() {
  static const RuntimeChoices choices = start_runtime({});
  return choices;
}

// Another process of this program that runs one of the tests below named *InAnotherProcess.
ProgramResult run_alone(const std::string& test, const std::map<std::string, std::string>& environment) {
  ProgramOptions options;
  options.environment = environment;
  const auto result =
      run_program({"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=" + test}, options);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return result;
}

TEST(Runtime, StartsOnce) {
  started();
  EXPECT_THROW(start_runtime({}), InternalError);
}

TEST(Runtime, TensorsComeFromTheCachingAllocator) {
  EXPECT_TRUE(started().caching_allocator);
  const auto before = tensor_memory().now;
  auto tensor = at::empty({1000, 1000}, at::kFloat);
  EXPECT_EQ(tensor_memory().now, before + 4'000'000);
  tensor.reset();
  EXPECT_EQ(tensor_memory().now, before);
  reset_peak_memory();
  EXPECT_EQ(tensor_memory().peak, before);
  EXPECT_GT(trim_memory(), 4'000'000U);
}

// A two-layer network's step by plain operators, with autograd: what is taken from the system in the first steps serves
// all others.
TEST(Runtime, AStepThatRepeatsTakesNothingFromTheSystem) {
  started();
  const auto input = at::ones({256, 128});
  auto first = at::ones({512, 128}).set_requires_grad(true);
  auto second = at::ones({64, 512}).set_requires_grad(true);
  const auto step = [&] {
    const auto loss = at::log_softmax(at::linear(at::gelu(at::linear(input, first)), second), -1).sum();
    loss.backward();
    first.mutable_grad().reset();
    second.mutable_grad().reset();
  };
  step();
  step();
  const auto before = tensor_memory().system_allocations;
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(tensor_memory().system_allocations, before);
}

TEST(Runtime, TakesAsManyThreadsAsProcessorsUnlessOpenmpIsToldFewer) {
  const auto alone = run_alone("Runtime.DISABLED_PrintsChoicesInAnotherProcess", {});
  EXPECT_THAT(alone.out, HasSubstr(fmt::format("threads {} ", available_processors())));
  const auto one = run_alone("Runtime.DISABLED_PrintsChoicesInAnotherProcess", {{"OMP_NUM_THREADS", "1"}});
  EXPECT_THAT(one.out, HasSubstr("threads 1 "));
  const auto many = run_alone("Runtime.DISABLED_PrintsChoicesInAnotherProcess", {{"OMP_NUM_THREADS", "4096"}});
  EXPECT_THAT(many.out, HasSubstr(fmt::format("threads {} ", available_processors())));
}

// Where OpenMP binds its threads, those that are not its own still have all processors.
TEST(Runtime, BoundThreadsLeaveTheProcessorsToOthers) {
  const auto result = run_alone("Runtime.DISABLED_PrintsChoicesInAnotherProcess",
                                {{"OMP_PROC_BIND", "close"}, {"OMP_PLACES", "cores"}});
  EXPECT_THAT(result.out, HasSubstr("pinned true"));
  EXPECT_THAT(result.out, HasSubstr(fmt::format("threads {} ", available_processors())));
  EXPECT_THAT(result.out, HasSubstr(fmt::format("processors of a thread started now: {}\n", available_processors())));
  const auto unbound = run_alone("Runtime.DISABLED_PrintsChoicesInAnotherProcess", {{"OMP_PROC_BIND", "false"}});
  EXPECT_THAT(unbound.out, HasSubstr("pinned false"));
}

TEST(Runtime, DISABLED_PrintsChoicesInAnotherProcess) {
  const auto& choices = started();
  int processors = 0;
  std::jthread([&processors] { processors = available_processors(); }).join();
  fmt::print("threads {} pinned {} huge_pages {}\nprocessors of a thread started now: {}\n", choices.threads,
             choices.pinned, choices.huge_pages, processors);
  EXPECT_EQ(at::get_num_threads(), choices.threads);
  EXPECT_EQ(at::get_num_interop_threads(), 1U);
}

TEST(Runtime, HugePagesCanBeTurnedOff) {
  const auto result = run_alone("Runtime.DISABLED_PrintsChoicesInAnotherProcess", {{"LLMTRAIN_HUGE_PAGES", "0"}});
  EXPECT_THAT(result.out, HasSubstr("huge_pages false"));
}

// Threads that flush denormals when they make one (the smallest normal float halved) and when they read one.
int flushing_threads(int threads) {
  std::atomic<int> flushing{0};
  at::parallel_for(0, threads, 1, [&flushing](std::int64_t, std::int64_t) {
    volatile float smallest = 1.17549435e-38F;
    volatile float half = smallest * 0.5F;
    volatile float denormal = 1e-39F;
    volatile float enlarged = denormal * 1e10F;
    if (half == 0.0F && enlarged == 0.0F) ++flushing;
  });
  return flushing;
}

TEST(Runtime, FlushesDenormalsOnEveryThread) {
  const int threads = started().threads;
  EXPECT_EQ(flushing_threads(threads), threads);
}

TEST(Runtime, FlushesDenormalsOnThreadsThatWereThereBefore) {
  run_alone("Runtime.DISABLED_HasThreadsBeforeItStartsInAnotherProcess", {});
}

TEST(Runtime, DISABLED_HasThreadsBeforeItStartsInAnotherProcess) {
  const int threads = available_processors() + 1;
  at::set_num_threads(threads - 1);
  EXPECT_EQ(flushing_threads(threads - 1), 0);
  EXPECT_EQ(start_runtime({.threads = threads}).threads, threads);
  EXPECT_EQ(at::get_num_threads(), threads);
  EXPECT_EQ(flushing_threads(threads), threads);
}

TEST(Runtime, IsDeterministic) {
  started();
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  EXPECT_FALSE(at::globalContext().deterministicFillUninitializedMemory());
}

constexpr std::int64_t kRows = 96, kInner = 768, kColumns = 160;
at::Tensor factor(std::int64_t rows, std::int64_t columns, double frequency) {
  return at::arange(rows * columns, at::kDouble).mul(frequency).sin().reshape({rows, columns}).to(at::kFloat);
}

TEST(MklSwitch, DISABLED_WritesAProductInAnotherProcess) {
  started();
  const auto product = at::mm(factor(kRows, kInner, 1.1), factor(kInner, kColumns, 0.7)).contiguous();
  const std::string_view bytes(static_cast<const char*>(product.data_ptr()), product.nbytes());
  std::FILE* const file = std::fopen(std::getenv("LLMTRAIN_TEST_OUTPUT"), "wb");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
  std::fclose(file);
  fmt::print("avx512_gemm {}\n", started().avx512_gemm);
}

struct Product {
  at::Tensor value;
  std::string out;
};

Product product_with(const std::string& switch_value) {
  const TempDir folder;
  const auto path = (folder / "product").string();
  const auto result = run_alone("MklSwitch.DISABLED_WritesAProductInAnotherProcess",
                                {{"LLMTRAIN_MKL_AVX512", switch_value}, {"LLMTRAIN_TEST_OUTPUT", path}});
  auto bytes = slurp(path);
  auto value = at::empty({kRows, kColumns}, at::kFloat);
  ENSURE(bytes.size() == value.nbytes(), bytes.size());
  std::memcpy(value.data_ptr(), bytes.data(), bytes.size());
  return {.value = value, .out = result.out};
}

// |error| <= gamma_k |A| |B|, gamma_k = k u / (1 - k u) (Higham, Accuracy and Stability of Numerical Algorithms, 3.5),
// in whatever order the products are added.
TEST(MklSwitch, BothKernelsAgreeWithTheExactProduct) {
  const auto a = factor(kRows, kInner, 1.1).to(at::kDouble), b = factor(kInner, kColumns, 0.7).to(at::kDouble);
  const double unit = std::exp2(-24.0);
  const double gamma = kInner * unit / (1 - kInner * unit);
  const auto bound = at::mm(a.abs(), b.abs()) * gamma;
  for (const auto* value : {"0", "1"}) {
    const auto error = (product_with(value).value.to(at::kDouble) - at::mm(a, b)).abs();
    EXPECT_TRUE((error <= bound).all().item<bool>()) << value << ": " << (error / bound).max().item<double>();
  }
}

// Other kernels add in another order, so other bits show that MKL has heard our answer.
TEST(MklSwitch, MklTakesOtherKernelsWhereItIsTold) {
  if (is_intel() || !has_avx512() || !at::hasMKL())
    GTEST_SKIP() << "needs AVX-512 of a maker other than Intel, and MKL";
  const auto on = product_with("1"), off = product_with("0");
  EXPECT_THAT(on.out, HasSubstr("avx512_gemm true"));
  EXPECT_THAT(off.out, HasSubstr("avx512_gemm false"));
  EXPECT_FALSE(at::equal(on.value, off.value));
  EXPECT_TRUE(at::equal(on.value, product_with("1").value));
}

TEST(MklSwitch, AnIntelProcessorIsAlwaysOne) {
  if (!is_intel()) GTEST_SKIP() << "needs a processor of Intel's";
  EXPECT_EQ(mkl_serv_intel_cpu_true(), 1);
  EXPECT_FALSE(started().avx512_gemm);
}

}  // namespace
}  // namespace llmtrain
