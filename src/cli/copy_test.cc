#include "cli/copy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/test_pattern.h"

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

class CopyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "copy-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    here = name;
    fs::create_directory(here / "d");
    write(here / "d" / "a");
  }
  void TearDown() override { fs::remove_all(here); }

  void write(const fs::path& path) { std::ofstream(path) << content; }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // How many files it copied.
  uint64_t copy_over(const fs::path& from, const fs::path& to) {
    Result<Copied> copied = copy(shell, *files, {from.string()}, *files, to.string(), {.recursive = true, .force = true});
    EXPECT_TRUE(copied) << copied.error().to_string();
    return copied ? copied->files : 0;
  }

  const std::string content = pattern(100'000);  // longer than what is copied as a whole
  const std::unique_ptr<Endpoint> files = local_endpoint();
  Shell shell;
  fs::path here;
};

TEST_F(CopyTest, a_file_is_not_copied_onto_itself_under_whatever_name) {
  fs::create_hard_link(here / "d" / "a", here / "same");
  fs::create_directory_symlink(here / "d", here / "link");
  for (const fs::path& to : {here / "d", here / "d" / "a", here / "same", here / "link" / "a"}) {
    EXPECT_EQ(copy_over(here / "d" / "a", to), 0U) << to;
    EXPECT_TRUE(read(here / "d" / "a") == content) << to;
  }
  EXPECT_NE(shell.exit_code(), 0);
}

TEST_F(CopyTest, another_file_is_overwritten) {
  std::ofstream(here / "b") << "before";
  EXPECT_EQ(copy_over(here / "d" / "a", here / "b"), 1U);
  EXPECT_TRUE(read(here / "b") == content);
  EXPECT_EQ(shell.exit_code(), 0);
}

}  // namespace
}  // namespace forebay::cli
