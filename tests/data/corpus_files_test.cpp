#include "lib/data/corpus_files.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

DataSource source_of(const fs::path& path, DataFormat format = DataFormat::kAuto) {
  DataSource source;
  source.path = path.string();
  source.format = format;
  return source;
}

std::vector<std::string> names_in(const TempDir& dir, const std::string& pattern) {
  std::vector<std::string> names;
  for (const auto& file : list_corpus_files(source_of(dir / pattern))) {
    names.push_back(file.path.lexically_relative(dir.path()).string());
  }
  return names;
}

CorpusFile the_file(const fs::path& path, DataFormat format = DataFormat::kAuto) {
  const auto files = list_corpus_files(source_of(path, format));
  EXPECT_EQ(files.size(), 1U);
  return files.at(0);
}

std::string list_error(const fs::path& path) {
  return error_of(ExitCode::kInput, [&] { list_corpus_files(source_of(path)); });
}

std::string llmc_header(std::string_view magic_bytes) {
  return std::string(magic_bytes) + std::string(1020, '\0') + "xx";
}

TEST(CorpusFiles, FileIsTakenWhateverItsName) {
  const TempDir dir;
  dir.write(".notes", "text");
  EXPECT_THAT(names_in(dir, ".notes"), ElementsAre(".notes"));
}

TEST(CorpusFiles, FolderGivesItsDataFilesSortedByBytes) {
  const TempDir dir;
  for (const auto* name : {"b.txt", "a/z.jsonl", "a.txt", "B.TXT", "a/b/c.ndjson", "a-b.text", "x.txt.gz",
                           "y.jsonl.zst", "README.md", ".hidden.txt", ".git/a.txt", "a/notes"}) {
    dir.write(name, "{\"text\":\"x\"}");
  }
  std::vector<fs::path> passed_over;
  std::vector<std::string> names;
  for (const auto& file : list_corpus_files(source_of(dir.path()), &passed_over)) {
    names.push_back(file.path.lexically_relative(dir.path()).string());
  }
  // '-' < '.' < '/' in ASCII.
  EXPECT_THAT(names, ElementsAre("B.TXT", "a-b.text", "a.txt", "a/b/c.ndjson", "a/z.jsonl", "b.txt", "x.txt.gz",
                                 "y.jsonl.zst"));
  EXPECT_THAT(passed_over, ElementsAre(dir / "README.md", dir / "a/notes"));
}

TEST(CorpusFiles, GlobTakesEveryNameThatFits) {
  const TempDir dir;
  for (const auto* name : {"shard-01.md", "shard-02.md", "shard-10.md", "sub/shard-03.md"}) dir.write(name, "text");
  EXPECT_THAT(names_in(dir, "shard-0?.md"), ElementsAre("shard-01.md", "shard-02.md"));
  EXPECT_THAT(names_in(dir, "**/shard-0[13].md"), ElementsAre("shard-01.md", "sub/shard-03.md"));
}

TEST(CorpusFiles, PathWithGlobCharactersThatExistsIsThatFile) {
  const TempDir dir;
  dir.write("a[1].txt", "text");
  dir.write("a1.txt", "text");
  EXPECT_THAT(names_in(dir, "a[1].txt"), ElementsAre("a[1].txt"));
}

TEST(CorpusFiles, NothingFoundNamesThePatternAndWhatWasLookedFor) {
  const TempDir dir;
  EXPECT_THAT(list_error(dir / "none.txt"), HasSubstr("none.txt: no such file or folder"));
  EXPECT_THAT(list_error("no/such/*.txt"),
              AllOf(StartsWith("no/such/*.txt: nothing matches"), HasSubstr("relative paths start at /")));
  fs::create_directory(dir / "empty");
  EXPECT_THAT(
      list_error(dir / "empty"),
      HasSubstr("empty: no data file in the folder, expected *.txt, *.text, *.jsonl, *.ndjson, *.bin, each also "
                ".gz, .zst or .zstd, got no file at all"));
  dir.write("other/a.parquet", "PAR1");
  EXPECT_THAT(list_error(dir / "other"), HasSubstr("got 1 others, a.parquet the first; try a glob that names them"));
}

TEST(CorpusFiles, EmptyFileIsNamed) {
  const TempDir dir;
  dir.write("folder/a.txt", "text");
  dir.write("folder/b.jsonl", "");
  EXPECT_THAT(list_error(dir / "folder"), HasSubstr("b.jsonl: the file is empty"));
  EXPECT_THAT(list_error(dir.write("c.txt.gz", gzip_bytes(""))), HasSubstr("c.txt.gz: the file is empty"));
}

TEST(CorpusFiles, NotARegularFileIsRefused) {
  const TempDir dir;
  dir.write("a.txt", "text");
  ASSERT_EQ(::mkfifo((dir / "pipe.txt").c_str(), 0600), 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir / "socket").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_THAT(list_error(dir.path()), HasSubstr("pipe.txt: not a regular file: expected a file, got a named pipe"));
  EXPECT_THAT(list_error(dir / "p*"), HasSubstr("pipe.txt: not a regular file: expected a file, got a named pipe"));
  EXPECT_THAT(list_error("/dev/zero"), HasSubstr("/dev/zero: not a regular file: expected a file, got a device"));
  EXPECT_THAT(list_error(dir / "socket"), HasSubstr("socket: not a regular file: expected a file, got a socket"));
  ::close(fd);
}

TEST(CorpusFiles, CompressionGoesByContent) {
  const TempDir dir;
  EXPECT_EQ(the_file(dir.write("plain.txt.gz", "not packed")).compression, Compression::kNone);
  EXPECT_EQ(the_file(dir.write("a.txt", gzip_bytes("packed"))).compression, Compression::kGzip);
  EXPECT_EQ(the_file(dir.write("b.txt", zstd_bytes("packed"))).compression, Compression::kZstd);
}

TEST(CorpusFiles, RawTokensThatBeginLikeGzipAreTokens) {
  const TempDir dir;
  const auto raw = the_file(dir.write("a.bin", "\x1f\x8b\x08\x00"));
  EXPECT_EQ(raw.compression, Compression::kNone);
  EXPECT_EQ(raw.format, DataFormat::kTokens);
  const auto packed = the_file(dir.write("a.bin.gz", gzip_bytes("abcd")));
  EXPECT_EQ(packed.compression, Compression::kGzip);
  EXPECT_EQ(packed.format, DataFormat::kTokens);
}

TEST(CorpusFiles, FormatGoesByContentAndName) {
  const TempDir dir;
  const auto format = [&](const std::string& name, std::string_view bytes) {
    return the_file(dir.write(name, bytes)).format;
  };
  EXPECT_EQ(format("a.txt", "Once upon a time"), DataFormat::kText);
  EXPECT_EQ(format("a.md", "{not json}\n"), DataFormat::kText);
  EXPECT_EQ(format("b.txt", "\n {\"text\": \"a\"}\nrest"), DataFormat::kJsonl);
  EXPECT_EQ(format("c", "\xef\xbb\xbf{\"text\": \"a\"}"), DataFormat::kJsonl);
  EXPECT_EQ(format("d.jsonl", "not json"), DataFormat::kJsonl);
  EXPECT_EQ(format("e.NDJSON.gz", gzip_bytes("not json")), DataFormat::kJsonl);
  EXPECT_EQ(format("f.data", gzip_bytes("{\"text\": \"a\"}\n")), DataFormat::kJsonl);
  EXPECT_EQ(format("g.json", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n"), DataFormat::kJsonl);
  EXPECT_EQ(format("h.bin", "\x01\x02"), DataFormat::kTokens);
  // 20240520 is 0x0134d888, 20240801 is 0x0134d9a1.
  EXPECT_EQ(format("i", llmc_header("\x88\xd8\x34\x01")), DataFormat::kTokens);
  EXPECT_EQ(format("j", llmc_header("\xa1\xd9\x34\x01")), DataFormat::kTokens);
}

TEST(CorpusFiles, FormatGivenIsKept) {
  const TempDir dir;
  EXPECT_EQ(the_file(dir.write("a.jsonl", "{}"), DataFormat::kText).format, DataFormat::kText);
  EXPECT_EQ(the_file(dir.write("a.json", "[1]"), DataFormat::kText).format, DataFormat::kText);
  EXPECT_EQ(the_file(dir.write("a.csv", "a,b"), DataFormat::kJsonl).format, DataFormat::kJsonl);
}

TEST(CorpusFiles, LongFirstLineIsStillSeenAsJson) {
  const TempDir dir;
  const std::string line = "{\"text\": \"" + std::string(200'000, 'x') + "\"}\n";
  EXPECT_EQ(the_file(dir.write("a", line)).format, DataFormat::kJsonl);
  EXPECT_EQ(the_file(dir.write("b", line.substr(0, 150'000))).format, DataFormat::kText);
  EXPECT_THAT(list_error(dir.write("c", "{" + std::string(2'000'000, 'x'))), HasSubstr("c: text or JSON lines?"));
}

TEST(CorpusFiles, ContainersThatAreNotReadNameTheWayOut) {
  const TempDir dir;
  const auto refused = [&](const std::string& name, std::string_view bytes) {
    return list_error(dir.write(name, bytes));
  };
  EXPECT_THAT(refused("a", "PAR1...."),
              AllOf(HasSubstr("a: a parquet file"), HasSubstr("try converting it to JSON lines")));
  EXPECT_THAT(refused("model.bin", "PK\x03\x04...."), HasSubstr("model.bin: a zip archive or PyTorch file"));
  EXPECT_THAT(refused("a.pt", "\x80\x02}q"), HasSubstr("a Python pickle"));
  EXPECT_THAT(refused("a.json", "[{\"text\": \"a\"}]"), HasSubstr("a.json: a JSON document"));
  EXPECT_THAT(refused("b.json", "{\n \"text\": \"a\"\n}"), HasSubstr("b.json: a JSON document"));
  EXPECT_THAT(refused("a.csv.gz", gzip_bytes("text\nx")), HasSubstr("a table of comma-separated values"));
  EXPECT_THAT(refused("a.txt", "BZh91AY"), HasSubstr("bzip2 data"));
}

TEST(CorpusFiles, KeyThatNoFileObeysIsAnError) {
  const TempDir dir;
  auto source = source_of(dir.write("a.jsonl", "{}"));
  source.document_separator = "##";
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { list_corpus_files(source); }),
              HasSubstr("a.jsonl: document_separator is given, but there is no file of format text"));
  source.path = dir.path().string();
  dir.write("b.txt", "a##b");
  EXPECT_EQ(list_corpus_files(source).size(), 2U);
  source.document_token = 1;
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { list_corpus_files(source); }), HasSubstr("no file of format tokens"));
}

TEST(CorpusFiles, FolderThatCannotBeReadIsNamed) {
  const TempDir dir;
  dir.write("locked/a.txt", "text");
  fs::permissions(dir / "locked", fs::perms::none);
  const uid_t me = ::geteuid();
  if (me == 0) {  // root reads every folder
    fs::permissions(dir.path(), fs::perms::all);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto message = list_error(dir.path());
  ASSERT_EQ(::seteuid(me), 0);
  fs::permissions(dir / "locked", fs::perms::owner_all);
  EXPECT_THAT(message, HasSubstr("locked: cannot read the folder: Permission denied"));
}

}  // namespace
}  // namespace llmtrain
