#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace llmtrain {

// Puts the next document into the string given; false after the last. Called by one thread at a time.
using NextDocument = std::function<bool(std::string& document)>;

// Calls work(worker, document) for every document on `workers` threads; worker < workers tells them apart, so that each
// can gather results of its own. Reads ahead a bounded number of bytes. Which worker gets a document is not determined.
// Looks for a stop request between documents.
void for_each_document(const NextDocument& next, std::size_t workers,
                       const std::function<void(std::size_t worker, std::string_view document)>& work);

}  // namespace llmtrain
