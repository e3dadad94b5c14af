#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "lib/config/data_config.h"
#include "lib/data/corpus_files.h"
#include "lib/io/token_binary.h"

namespace llmtrain {

struct ReadRules {
  BadLinePolicy on_bad_line = BadLinePolicy::kError;
  std::uint64_t max_bad_lines = 100;
  std::size_t max_line = std::size_t{64} << 20;  // bytes
  std::size_t max_depth = 64;                    // of nested JSON arrays and objects
  double max_ratio = 1000.0;                     // of expanded to compressed bytes
  std::size_t max_piece = std::size_t{4} << 20;  // bytes of text handed out at once; the same for all runs
};
ReadRules read_rules(const CorpusConfig& config);
TokenBinaryRules token_binary_rules(const DataSource& source, std::uint64_t vocab_size, const ReadRules& rules = {});

// A document, or where it is long a part of one.
struct Document {
  std::string text;          // well-formed UTF-8 without NUL, at least one byte
  std::uint64_t line = 0;    // where it begins in the (expanded) file, from 1
  std::uint64_t offset = 0;  // the same in bytes, from 0; of a JSON line, where the line begins
  bool continues = false;    // the next piece belongs to the same document
};

// Lines passed over under on_bad_line: skip.
struct BadLines {
  struct Kind {
    std::uint64_t count = 0;
    std::string first;  // the message of the first one
  };
  std::map<std::string, Kind> kinds;  // by what is wrong: "malformed JSON", "missing field", ...
  std::uint64_t count() const;
  void merge(const BadLines& other);
  // "3 bad lines: 2 malformed JSON (first: FILE:LINE:COL: ...), 1 missing field (first: ...)".
  std::string summary() const;
};
// Throws input_error (3) with the summary if there are more than rules.max_bad_lines. A reader checks the lines of its
// own file; whoever reads several files merges and checks again.
void check_bad_lines(const BadLines& bad, const ReadRules& rules);

// Reads the documents of one file of format kText or kJsonl (token files: TokenBinaryReader), in constant memory.
//
// Text: the file is one document, or is cut at every document_separator, which belongs to no document. A document
// longer than max_piece is handed out in pieces whose bounds depend on its content alone; each is to be tokenized by
// itself. A piece ends after the last newline within max_piece that stands between two characters that are not white
// space: at such a place the pre-tokenizers known here cut anyway, so ids are those of the whole. Where there is none,
// after the last newline; where there is none either, before the last character that does not fit.
//
// JSON lines: one document a line, the string under `field`. Blank lines are passed over.
//
// Bytes, in both (JSON lines: everywhere in the line, escapes in all strings; column counts bytes from 1):
//   malformed UTF-8 (also overlong forms, surrogates, UTF-16)  refused
//   byte order mark at the start of the file                   dropped; elsewhere it is a character like others, but
//                                                              refused in front of a JSON line
//   NUL, raw or \u0000 in `field`                              refused
//   CR LF                                                      JSON lines: a line end; text: kept as it stands
//   lone surrogate escape (\ud800)                             refused
//   non-characters (U+FFFE, U+FDD0 ...)                        kept
//   numbers                                                    checked, not used; beyond a double's range refused
//
// A document without a byte but ASCII white space is passed over and counted.
//
// Errors (3), FILE:LINE:COL: for JSON lines malformed JSON, nesting beyond max_depth, a line beyond max_line, a
// repeated key, a key beyond 1,024 bytes, no `field` or one that is no string, with extra_fields: refuse any other key,
// with id_field an id (string or integer) that is missing or stands in an earlier line of the file (this keeps about 64
// bytes a line). Under on_bad_line: skip those are counted, and too many are an error. For both: bytes as above, no
// usable document in the file, all errors of ExpandedStream, a file that changed since it was listed.
class DocumentReader {
 public:
  DocumentReader(const CorpusFile& file, const DataSource& source, const ReadRules& rules);
  DocumentReader(DocumentReader&&) noexcept;
  ~DocumentReader();

  // False at the end. Reuses the memory of `document`.
  bool next(Document& document);

  std::uint64_t bytes_read() const;       // of the file itself, compressed as it is: for progress
  std::uint64_t documents() const;        // handed out so far, pieces of one counted once
  std::uint64_t empty_documents() const;  // passed over
  const BadLines& bad_lines() const;
  const std::string& sha256() const;  // of the file itself, after next() returned false

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace llmtrain
