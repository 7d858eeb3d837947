#include "experiments/commands/regret_table.hpp"

#include "analysis/statistics/clustered.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

namespace moesim {
namespace {

using Kind = Column::Kind;
using Value = std::function<double(const TokenRegret&)>;

Column number(const char* key, const char* title, int decimals = 4) {
  return {key, title, Kind::number, decimals};
}

// The mean of a value of tokens, with an interval over sequences. NaN values do not count.
MeanEstimate estimate_of(const std::vector<const TokenRegret*>& tokens, index sequences,
                         const Value& value) {
  std::vector<ClusterSum> sums(static_cast<std::size_t>(sequences));
  for (const TokenRegret* token : tokens)
    if (const double one = value(*token); !std::isnan(one))
      sums[static_cast<std::size_t>(token->sequence)].add(one);
  return mean_over_clusters(sums);
}

double loss_above(const TokenRegret& token) { return token.random - token.chosen; }

// Number of the range 1, 2-3, 4-7, … of a rank from 1.
std::size_t octave_of(std::size_t rank) {
  std::size_t octave = 0;
  while (rank >> (octave + 1) > 0) ++octave;
  return octave;
}

// Rank of every token id by falling count, from 1; ties by id.
std::vector<std::size_t> ranks_of(const std::vector<std::int64_t>& counts) {
  std::vector<std::size_t> ids(counts.size()), ranks(counts.size());
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  std::stable_sort(ids.begin(), ids.end(),
                   [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  for (std::size_t i = 0; i < ids.size(); ++i) ranks[ids[i]] = i + 1;
  return ranks;
}

// Name and number of the label of every token; number -1: none.
std::function<std::int64_t(const TokenRegret&)> labels_by(RegretBy by, const DatasetInfo& data,
                                                          const std::string& run) {
  if (by == RegretBy::domain) {
    if (data.domains.empty()) fail(Exit::data, run + ": its data have no domains");
    return [](const TokenRegret& token) { return std::int64_t{token.domain}; };
  }
  if (data.unigram.empty()) fail(Exit::data, run + ": its data have no counts of token ids");
  return [ranks = ranks_of(data.unigram)](const TokenRegret& token) {
    const auto id = static_cast<std::size_t>(token.id);
    return id < ranks.size() ? static_cast<std::int64_t>(octave_of(ranks[id])) : std::int64_t{-1};
  };
}

std::string name_of_octave(std::int64_t octave, std::size_t most) {
  const std::size_t first = std::size_t{1} << octave, last = std::min(most, 2 * first - 1);
  return first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
}

}  // namespace

RegretTable::RegretTable(RegretBy by) : by_(by) {
  table_.name = "regret";
  const char* const keys[] = {"layer", "domain", "ranks"};
  const char* const titles[] = {"layer", "domain", "ranks of token ids"};
  const auto which = static_cast<std::size_t>(by);
  table_.columns = {{"run", "run", Kind::text},
                    {keys[which], titles[which], Kind::text},
                    {"tokens", "tokens", Kind::count},
                    number("chosen", "loss, sample"),
                    number("best", "of the best"),
                    number("regret", "regret"),
                    {"regret_interval", "95 %", Kind::interval, 4},
                    number("random", "of random ones"),
                    number("random_difference", "random - loss"),
                    {"random_interval", "95 %", Kind::interval, 4},
                    number("second", "of the second"),
                    number("second_difference", "second - loss"),
                    {"second_interval", "95 %", Kind::interval, 4},
                    number("best_percent", "chosen is best %", 1),
                    number("chance_percent", "by chance %", 1)};
  note(
      "losses are those of each token's own prediction; everything else stays as it was: the "
      "experts of all other tokens and layers, and all gates");
  note(
      "the best experts are found with the target in hand, which no router has: regret 0 is a "
      "bound, not a goal");
}

void RegretTable::note(const std::string& text) {
  if (std::find(table_.notes.begin(), table_.notes.end(), text) == table_.notes.end())
    table_.notes.push_back(text);
}

void RegretTable::add_row(const std::string& run, const std::string& label, const Tokens& tokens,
                          index sequences) {
  const auto mean = [&](const Value& value) { return estimate_of(tokens, sequences, value); };
  const MeanEstimate regret = mean(&TokenRegret::regret), random = mean(loss_above),
                     second = mean([](const TokenRegret&t) { return t.second - t.chosen; });
  table_.rows.push_back(
      {run, label, static_cast<double>(tokens.size()), mean(&TokenRegret::chosen).value,
       mean(&TokenRegret::best).value, regret.value, regret.interval,
       mean(&TokenRegret::random).value, random.value, random.interval,
       mean(&TokenRegret::second).value, second.value, second.interval,
       100 * mean([](const TokenRegret& t) { return t.regret() == 0 ? 1.0 : 0.0; }).value,
       100 * mean([](const TokenRegret& t) { return 1 / static_cast<double>(t.choices); }).value});
}

void RegretTable::add_verdict(const std::string& run, const RegretSample& sample) {
  Tokens all;
  all.reserve(sample.tokens.size());
  for (const TokenRegret& token : sample.tokens) all.push_back(&token);
  const MeanEstimate random = estimate_of(all, sample.sequences, loss_above),
                     regret = estimate_of(all, sample.sequences, &TokenRegret::regret);
  const Interval& i = random.interval;
  std::string than = "the sample does not separate random experts from the router's";
  if (i.low > 0)
    than = fmt::format("random experts are worse than the router's by {:.4f} nats", random.value);
  if (i.high < 0)
    than = fmt::format("random experts are better than the router's by {:.4f} nats", -random.value);
  const std::string range =
      std::isnan(i.low) ? "n/a" : fmt::format("{:.4f} to {:.4f}", i.low, i.high);
  note(fmt::format("{}: {} (95 %: {}); the best ones are better by {:.4f}", run, than, range,
                   regret.value));
  if (sample.unserved + sample.too_many > 0)
    note(
        fmt::format("{}: of {} tokens and layers {} are left out because no expert took the token, "
                    "and {} because it has three experts or more, or more than {} choices",
                    run, sample.sampled, sample.unserved, sample.too_many, kMostChoices));
}

void RegretTable::add(const std::string& run, const RegretSample& sample,
                      const std::vector<index>& layers, const DatasetInfo& data) {
  if (sample.tokens.empty()) {
    note(run + ": left out: none of the sampled tokens has one or two experts");
    return;
  }
  if (by_ == RegretBy::layer) {
    std::vector<Tokens> of(layers.size() + 1);
    for (const TokenRegret& token : sample.tokens) {
      of[token.layer].push_back(&token);
      of.back().push_back(&token);
    }
    for (std::size_t layer = 0; layer < layers.size() + (layers.size() > 1 ? 1 : 0); ++layer)
      add_row(run, layer < layers.size() ? std::to_string(layers[layer]) : std::string("all"),
              of[layer], sample.sequences);
  } else {
    const auto label = labels_by(by_, data, run);
    std::map<std::int64_t, Tokens> of;
    std::size_t others = 0;
    for (const TokenRegret& token : sample.tokens) {
      const std::int64_t number = label(token);
      if (number >= 0)
        of[number].push_back(&token);
      else
        ++others;
    }
    if (others > 0)
      note(fmt::format("{}: {} of {} tokens and layers are in no row: masks have no rank", run,
                       others, sample.tokens.size()));
    for (const auto& [number, tokens] : of)
      add_row(run,
              by_ == RegretBy::domain ? data.domains.at(static_cast<std::size_t>(number))
                                      : name_of_octave(number, data.unigram.size()),
              tokens, sample.sequences);
  }
  add_verdict(run, sample);
}

}  // namespace moesim
