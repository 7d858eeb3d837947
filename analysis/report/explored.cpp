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

// The bytes of a character at the end of a text that it lacks; 0 if it is whole.
std::size_t missing_bytes(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte < 0xC0) continue;
    const std::size_t length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF8 ? 4 : 0;
    return length > back ? length - back : 0;
  }
  return 0;
}

// Completes characters whose bytes are several tokens of a sequence, in the first of them.
void join_characters(std::vector<std::string>& texts, std::size_t length) {
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const std::size_t missing = missing_bytes(texts[t]);
    const std::size_t end = std::min(texts.size(), (t / length + 1) * length);
    std::string rest;
    for (std::size_t next = t + 1; next < end && rest.size() < missing; ++next) {
      const std::string& text = texts[next];
      std::size_t taken = 0;
      while (taken < text.size() && rest.size() < missing && (text[taken] & 0xC0) == 0x80)
        rest += text[taken++];
      if (taken < text.size()) break;
    }
    if (missing > 0 && rest.size() == missing) texts[t] += rest;
  }
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
  join_characters(text.texts, static_cast<std::size_t>(run.length()));
  text.losses = run.losses(trace);
  if (!text.losses.empty()) text.losses.resize(static_cast<std::size_t>(shown));
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
