#include "experiments/commands/route_texts.hpp"

#include "analysis/traces/token_text.hpp"

#include <set>

namespace moesim {

std::string text_of_token(const Dataset& data, std::int32_t id) {
  if (id < 0 || id >= data.info().vocabulary) return "[mask]";
  const std::string first = data.decode({id}), both = data.decode({id, id});
  return both.starts_with(first) ? both.substr(first.size()) : first;
}

void put_vocabulary(RunFile& file, const Dataset& data, const std::vector<std::int32_t>& ids) {
  const std::set<std::int32_t> known(ids.begin(), ids.end());
  if (known.empty()) return;
  Variable labels{.name = "trace_vocabulary",
                  .type = Variable::Type::int32,
                  .dims = {"trace_vocabulary"},
                  .shape = {static_cast<std::int64_t>(known.size())},
                  .values = {known.begin(), known.end()},
                  .texts = {},
                  .long_name = "token id",
                  .units = "",
                  .description = "ids that occur in the traces"};
  Variable texts = labels;
  texts.name = "trace_vocabulary_text";
  texts.type = Variable::Type::text;
  texts.values.clear();
  texts.long_name = "token";
  texts.description = "what the token looks like: \\xNN is a byte, \\\\ a backslash";
  texts.texts.reserve(known.size());
  for (const std::int32_t id : known) texts.texts.push_back(escaped_token(text_of_token(data, id)));
  file.put(std::move(labels));
  file.put(std::move(texts));
}

}  // namespace moesim
