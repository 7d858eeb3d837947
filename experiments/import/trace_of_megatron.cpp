#include "experiments/import/foreign_trace.hpp"
#include "experiments/import/megatron_record.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace moesim {
namespace {

constexpr std::size_t kMostLine = std::size_t{256} << 20;
constexpr std::size_t kMostRecords = std::size_t{1} << 22;

struct RankChoices {
  std::string where;  // file and line
  std::int64_t k = 0;
  std::vector<std::int32_t> experts;
};
using ByRank = std::map<std::int64_t, RankChoices>;
using ByLayer = std::map<std::int64_t, ByRank>;

// All records of some files, by step, layer and rank.
struct MegatronTrace {
  std::map<std::int64_t, ByLayer> steps;
  std::set<std::int64_t> ranks;
  std::map<std::string, std::size_t> left_out;  // records of other blocks than the decoder
  std::size_t records = 0;
};

void read_lines(const std::string& path, MegatronTrace& trace) {
  const std::string contents = read_file(path);
  std::size_t number = 0;
  for (std::size_t at = 0; at < contents.size();) {
    const std::size_t end = std::min(contents.find('\n', at), contents.size());
    const std::string_view line = std::string_view(contents).substr(at, end - at);
    at = end + 1;
    const std::string where = fmt::format("{}:{}", path, ++number);
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (line.size() > kMostLine)
      fail(Exit::data, fmt::format("{}: expected lines of at most {} bytes, found {}", where,
                                   kMostLine, line.size()));
    MegatronRecord record = megatron_record(where, line);
    if (record.block != "decoder") {
      ++trace.left_out[config::printable(record.block)];
      continue;
    }
    if (++trace.records > kMostRecords)
      fail(Exit::data, fmt::format("{}: expected at most {} records", where, kMostRecords));
    trace.ranks.insert(record.rank);
    ByRank& ranks = trace.steps[record.step][record.layer];
    const auto [known, is_new] =
        ranks.emplace(record.rank, RankChoices{where, record.k, std::move(record.experts)});
    if (!is_new)
      fail(Exit::data, fmt::format("{}: step {}, layer {}, rank {} is in {}, too", where,
                                   record.step, record.layer, record.rank, known->second.where));
  }
}

index tokens_of(const ByRank& ranks) {
  index tokens = 0;
  for (const auto& [rank, choices] : ranks)
    tokens += static_cast<index>(choices.experts.size()) / choices.k;
  return tokens;
}

// Every step has the same layers, every layer all ranks and the same number of tokens and choices.
void check_whole(const MegatronTrace& trace, const std::string& path) {
  const ByLayer& first = trace.steps.begin()->second;
  const index k = first.begin()->second.begin()->second.k,
              tokens = tokens_of(first.begin()->second);
  for (const auto& [step, layers] : trace.steps) {
    for (const auto& [layer, none] : first)
      if (layers.count(layer) == 0)
        fail(Exit::data, fmt::format("{}: step {} has no record of layer {}; give the files of all "
                                     "ranks, and leave out steps that are not whole",
                                     path, step, layer));
    for (const auto& [layer, ranks] : layers) {
      const std::string& where = ranks.begin()->second.where;
      if (first.count(layer) == 0)
        fail(Exit::data, fmt::format("{}: layer {} is not in step {}", where, layer,
                                     trace.steps.begin()->first));
      for (const std::int64_t rank : trace.ranks)
        if (ranks.count(rank) == 0)
          fail(Exit::data, fmt::format("{}: step {}, layer {} has no record of rank {}; give the "
                                       "files of all ranks, and leave out steps that are not whole",
                                       path, step, layer, rank));
      for (const auto& [rank, choices] : ranks)
        if (choices.k != k)
          fail(Exit::data, fmt::format("{}: expected {} choices per token, as before, found {}",
                                       choices.where, k, choices.k));
      if (tokens_of(ranks) != tokens)
        fail(Exit::data, fmt::format("{}: step {}, layer {} has {} tokens, the first has {}; keep "
                                     "steps of one size (jq -c 'select(.step == {})')",
                                     where, step, layer, tokens_of(ranks), tokens, step));
    }
  }
  if (tokens > kMostForeignTokens || first.size() > kMostForeignLayers)
    fail(Exit::data, fmt::format("{}: expected at most {} tokens and {} layers", path,
                                 kMostForeignTokens, kMostForeignLayers));
}

// The choices of all ranks, one after the other.
ForeignChoices choices_in(const ByRank& ranks, std::int64_t layer, index experts) {
  ForeignChoices choices;
  for (const auto& [rank, of] : ranks) {
    check_choices(fmt::format("{}: layer {}", of.where, layer), of.experts, of.k, experts);
    choices.expert.insert(choices.expert.end(), of.experts.begin(), of.experts.end());
  }
  return choices;
}

}  // namespace

ForeignTrace trace_of_megatron(const std::vector<std::string>& paths, index experts) {
  const auto all = std::make_shared<MegatronTrace>();
  for (const std::string& path : paths) read_lines(path, *all);
  if (all->steps.empty())
    fail(Exit::data, paths.front() + ": expected records of the block decoder, found none");
  check_whole(*all, paths.front());

  ForeignTrace trace;
  const ByLayer& first = all->steps.begin()->second;
  trace.tokens = tokens_of(first.begin()->second);
  trace.k = first.begin()->second.begin()->second.k;
  std::int32_t most = 0;
  for (const auto& [step, layers] : all->steps) {
    trace.steps.push_back(step);
    for (const auto& [layer, ranks] : layers)
      for (const auto& [rank, of] : ranks)
        most = std::max(most, *std::max_element(of.experts.begin(), of.experts.end()));
  }
  for (const auto& [layer, ranks] : first) trace.layers.push_back(layer);
  if (trace.layers.back() > INT32_MAX)
    fail(Exit::data,
         fmt::format("{}: layer {} is out of range", paths.front(), trace.layers.back()));
  trace.experts = experts > 0 ? experts : index{most} + 1;
  if (experts == 0) trace.notes.push_back(guess_note(trace.experts));
  for (const auto& [block, count] : all->left_out)
    trace.notes.push_back(fmt::format("{} records of the block '{}' are left out", count, block));
  if (trace.k > 1)
    trace.notes.push_back(
        "choices are numbered as listed; a router that returns a map lists them by expert, not by "
        "score");
  trace.gate = "unknown";
  trace.read = [all, labels = trace.layers, steps = trace.steps, number = trace.experts](
                   std::size_t step, std::size_t layer) {
    return choices_in(all->steps.at(steps[step]).at(labels[layer]), labels[layer], number);
  };
  return trace;
}

}  // namespace moesim
