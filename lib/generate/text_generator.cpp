#include "lib/generate/text_generator.h"

#include <algorithm>

#include "lib/base/host_memory.h"
#include "lib/generate/text_stream.h"

namespace llmtrain {

std::vector<std::uint32_t> prompt_ids(const Tokenizer& tokenizer, std::string_view prompt) {
  auto ids = tokenizer.encode(prompt, SpecialText::kAsToken);
  if (ids.empty()) {
    const auto newline = tokenizer.find_token("\n");
    ids.push_back(tokenizer.end_of_document().value_or(newline.value_or(0)));
  }
  return ids;
}

bool make_texts(const Decoder& decoder, const Tokenizer& tokenizer, std::span<const GenerateRequest> requests,
                const TextOptions& options, const TextEvents& events) {
  if (requests.empty()) return true;
  const auto& shape = decoder.shape();
  const auto capacity = capacity_for(shape, requests, options.generate.max_tokens);
  const auto wanted = std::min(options.slots, static_cast<std::int64_t>(requests.size()));
  Generator generator(decoder, {.slots = slots_that_fit(shape, decoder.head().value.scalar_type(), wanted, capacity,
                                                        host_memory().available),
                                .capacity = capacity,
                                .vocab = static_cast<std::int64_t>(tokenizer.vocab_size())});
  std::vector<MadeText> texts(requests.size());
  std::vector<TextStream> streams(requests.size(), TextStream(options.stops));
  const auto show = [&](std::size_t request, const std::string& piece) {
    texts[request].text += piece;
    if (events.piece && !piece.empty()) events.piece(request, piece);
  };
  const auto& end_ids = options.generate.end_ids;
  GenerateEvents told;
  told.wanted = events.wanted;
  told.token = [&](std::size_t request, std::uint32_t id) {
    ++texts[request].tokens;
    if (std::find(end_ids.begin(), end_ids.end(), id) != end_ids.end()) return true;
    show(request, streams[request].push(tokenizer.token_bytes(id)));
    return !streams[request].stopped();
  };
  told.end = [&](std::size_t request, EndReason reason) {
    show(request, streams[request].finish());
    texts[request].reason = reason;
    if (events.end) events.end(request, texts[request]);
    texts[request] = {};
    streams[request] = TextStream({});
  };
  return generator.run(requests, options.generate, told);
}

}  // namespace llmtrain
