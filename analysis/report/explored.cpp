#include "analysis/report/explored.hpp"

#include "analysis/traces/token_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {
namespace {

// The choices of the first `shown` tokens, those of a token by rank.
ExploredLayer layer_of(TracedRun& run, std::size_t trace, std::size_t layer, std::int64_t shown) {
  struct Ranked {
    std::uint8_t rank;
    ExploredChoice choice;
  };
  const TraceLayer rows = run.read(trace, layer);
  std::vector<std::vector<Ranked>> ranked(static_cast<std::size_t>(shown));
  for (std::size_t e = 0; e + 1 < rows.begin.size(); ++e)
    for (std::size_t row = rows.begin[e]; row < rows.begin[e + 1]; ++row)
      if (rows.token[row] < shown)
        ranked[static_cast<std::size_t>(rows.token[row])].push_back(
            {rows.choice[row],
             {static_cast<std::int32_t>(e), rows.gate[row], rows.served[row] != 0}});
  ExploredLayer one{.label = run.label(layer)};
  one.of.reserve(ranked.size());
  for (std::vector<Ranked>& of : ranked) {
    std::stable_sort(of.begin(), of.end(),
                     [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
    std::vector<ExploredChoice> choices;
    choices.reserve(of.size());
    for (const Ranked& each : of) choices.push_back(each.choice);
    one.of.push_back(std::move(choices));
  }
  return one;
}

// Of tokens whose text is not known, the id or the place.
void add_texts(const TracedRun& run, const std::vector<std::int32_t>& ids, std::int64_t shown,
               ExploredText& text) {
  const std::map<std::int32_t, std::string> known = token_texts(run.run().path);
  for (std::int64_t t = 0; t < shown; ++t) {
    if (ids.empty()) {
      text.texts.push_back(fmt::format(" {}", t % run.length()));
      continue;
    }
    const std::int32_t id = ids[static_cast<std::size_t>(t)];
    text.ids.push_back(id);
    const auto found = known.find(id);
    text.texts.push_back(found == known.end() ? fmt::format(" {}", id) : found->second);
  }
  if (ids.empty())
    text.notes.emplace_back("tokens have no ids: a token is shown by its position in its sequence");
  else if (known.empty())
    text.notes.emplace_back(
        "the file has no texts of tokens: a token is shown by its id; files of moesim route have "
        "texts");
}

}  // namespace

ExploredText explored_text(TracedRun& run, const ExplorerLimits& limits) {
  const std::size_t trace = run.traces() - 1;
  const std::int64_t of_token =
      std::max<std::int64_t>(1, run.k_max() * static_cast<std::int64_t>(run.layers()));
  const std::int64_t shown =
      std::min({run.tokens(), limits.tokens, std::max<std::int64_t>(1, limits.choices / of_token)});
  const std::string id = run.run().file.text("run_id");
  ExploredText text{.name = id.empty() ? run.run().path : id,
                    .file = run.run().path,
                    .router = run.run().file.text("router"),
                    .step = run.step(trace),
                    .tokens = run.tokens(),
                    .length = run.length(),
                    .experts = run.experts()};
  add_texts(run, run.token_ids(trace), shown, text);
  text.layers.reserve(run.layers());
  for (std::size_t layer = 0; layer < run.layers(); ++layer)
    text.layers.push_back(layer_of(run, trace, layer, shown));
  if (shown < run.tokens())
    text.notes.push_back(fmt::format("the first {} of {} tokens are shown", shown, run.tokens()));
  if (run.traces() > 1)
    text.notes.push_back(fmt::format("the last of {} traces is shown", run.traces()));
  return text;
}

}  // namespace moesim
