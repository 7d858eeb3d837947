#include "sim/train/answers.hpp"

#include "sim/model/generate.hpp"

#include <algorithm>
#include <map>

namespace moesim {
namespace {

using Ids = std::vector<std::int32_t>;

// row: the tokens of a sequence, of length S: an example, and [eos] after it. The last token of the
// example may be beyond them, but then it is an [eos].
Answer answer_to(const Ids& row, std::int32_t task, Transformer& model,
                 const TaskTokenizer& tokenizer, Backend& backend, Rules rules) {
  const auto separator = std::find(row.begin(), row.end(), tokenizer.separator());
  const auto length = static_cast<index>(row.size());
  Answer answer;
  answer.task = static_cast<std::size_t>(task);
  answer.source = {row.begin(), separator};
  answer.target = {separator + 1, std::find(separator, row.end(), tokenizer.end())};
  Generator generator(model, length, backend, Ids(row.begin(), separator + 1), {.temperature = 0},
                      {.rules = rules, .domains = {task}});
  while (!answer.ended && static_cast<index>(generator.tokens().size()) <= length) {
    const std::int32_t next = generator.next();
    answer.ended = next == tokenizer.end();
    if (!answer.ended) answer.output.push_back(next);
  }
  return answer;
}

}  // namespace

std::vector<Answer> greedy_answers(Transformer& model, const Evaluator& evaluator,
                                   const TaskTokenizer& tokenizer, Backend& backend, index most,
                                   Rules rules) {
  std::vector<Answer> answers;
  std::map<std::int32_t, index> done;  // by task
  for (index i = 0; i < evaluator.batches(); ++i) {
    const Batch batch = evaluator.posed(i);
    for (index row = 0; row < batch.batch; ++row) {
      const auto first = row * batch.length;
      const std::int32_t task = batch.domains[static_cast<std::size_t>(first)];
      if (most > 0 && ++done[task] > most) continue;
      const Ids ids(batch.ids.begin() + first, batch.ids.begin() + first + batch.length);
      answers.push_back(answer_to(ids, task, model, tokenizer, backend, rules));
    }
  }
  return answers;
}

}  // namespace moesim
