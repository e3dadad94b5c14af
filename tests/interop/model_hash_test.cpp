#include "lib/interop/model_hash.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

// As coreutils' sha256sum says it.
TEST(ModelHash, IsThatOfTheFilesSums) {
  const TempDir folder;
  folder.write("model.safetensors", "weights");
  folder.write("config.json", "{}");
  folder.write("README.md", "no part of it");
  const auto expected =
      run_program({"/bin/bash", "-c", "LC_ALL=C; sha256sum *.json *.safetensors | sort -k 2 | sha256sum | cut -c 1-64"},
                  {.directory = folder.path(), .environment = {}, .input = ""});
  EXPECT_EQ(model_hash(folder.path()) + "\n", expected.out) << expected.err;
}

TEST(ModelHash, ChangesWithContentAndName) {
  const TempDir folder;
  folder.write("model.safetensors", "weights");
  const auto first = model_hash(folder.path());
  folder.write("model.safetensors", "weightz");
  EXPECT_NE(model_hash(folder.path()), first);
  folder.write("model.safetensors", "weights");
  EXPECT_EQ(model_hash(folder.path()), first);
  std::filesystem::rename(folder / "model.safetensors", folder / "other.safetensors");
  EXPECT_NE(model_hash(folder.path()), first);
}

TEST(ModelHash, NeedsAFolder) {
  EXPECT_THAT(error_of(ExitCode::kInput, [] { model_hash("/nowhere"); }), testing::HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace llmtrain
