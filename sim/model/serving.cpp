#include "sim/model/serving.hpp"

#include "sim/core/error.hpp"
#include "sim/model/generate.hpp"

#include <algorithm>
#include <chrono>

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;

struct ExpertRows {
  std::vector<double> of_expert;

  void add(std::size_t expert, double rows) {
    of_expert.resize(std::max(of_expert.size(), expert + 1));
    of_expert[expert] += rows;
  }
};

// Adds the rows of every expert. All experts of a mixing have slots, and a merging reads all.
void add_rows(ExpertRows& to, const Routing& routing) {
  if (const auto* assignment = std::get_if<Assignment>(&routing.plan)) {
    const std::vector<std::int32_t> offset = assignment->experts.offset.to_host();
    for (std::size_t e = 0; e + 1 < offset.size(); ++e) to.add(e, offset[e + 1] - offset[e]);
  } else if (const auto* mixing = std::get_if<Mixing>(&routing.plan)) {
    const index groups = mixing->dispatch.dim(0), slots = mixing->slots_per_expert;
    for (index e = 0; e < mixing->dispatch.dim(2) / slots; ++e)
      to.add(static_cast<std::size_t>(e), static_cast<double>(groups * slots));
  } else if (const auto* merging = std::get_if<Merging>(&routing.plan)) {
    const index experts = merging->weights.cols();
    for (index e = 0; e < experts; ++e)
      to.add(static_cast<std::size_t>(e),
             static_cast<double>(merging->groups.rows) / static_cast<double>(experts));
  } else {
    const auto& load = std::get<Custom>(routing.plan).load;
    for (std::size_t e = 0; e < load.size(); ++e) to.add(e, load[e]);
  }
}

// The most likely token of each text.
std::vector<std::int32_t> most_likely(const std::vector<real>& logits, index texts) {
  const auto outputs = static_cast<std::ptrdiff_t>(logits.size()) / texts;
  std::vector<std::int32_t> ids;
  for (index b = 0; b < texts; ++b)
    ids.push_back(choose_token({logits.begin() + b * outputs, logits.begin() + (b + 1) * outputs},
                               {.temperature = 0}, 0));
  return ids;
}

}  // namespace

Served serve(Transformer& model, index length, Backend& backend,
             const std::vector<std::vector<std::int32_t>>& prompts, const Serving& serving) {
  const auto texts = static_cast<std::size_t>(serving.texts);
  if (prompts.empty() || prompts.size() % texts != 0)
    fail_in("serving", "the number of prompts is no multiple of the batch");
  const std::vector<index>& blocks = model.moe_blocks();
  Served served;
  served.texts = prompts;
  served.touched.resize(blocks.size());
  served.rows.resize(blocks.size());
  const auto run = [&](std::size_t batch, Served& to) {
    Decoding how = serving.how;
    if (!how.domains.empty()) {
      const auto first = serving.how.domains.begin() + static_cast<std::ptrdiff_t>(batch * texts);
      how.domains.assign(first, first + serving.texts);
    }
    Decoder decoder(model, length, serving.texts, backend, how);
    std::vector<ExpertRows> rows;
    decoder.context().on_routing = [&](index block, const Routing& routing) {
      const auto layer = std::find(blocks.begin(), blocks.end(), block) - blocks.begin();
      add_rows(rows[static_cast<std::size_t>(layer)], routing);
    };
    std::vector<std::int32_t> ids;
    for (std::size_t b = 0; b < texts; ++b)
      ids.insert(ids.end(), prompts[batch * texts + b].begin(), prompts[batch * texts + b].end());
    for (index i = 0; i < serving.tokens; ++i) {
      rows.assign(blocks.size(), {});
      const Clock::time_point begin = Clock::now();
      ids = most_likely(decoder.extend(ids), serving.texts);
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      (i == 0 ? to.first : to.later).push_back(seconds);
      for (std::size_t b = 0; b < texts; ++b) to.texts[batch * texts + b].push_back(ids[b]);
      if (i == 0) continue;
      to.whole_windows += decoder.cached() ? 0 : 1;
      to.cache_bytes = std::max(to.cache_bytes, decoder.cache_bytes());
      for (std::size_t layer = 0; layer < rows.size(); ++layer) {
        std::vector<std::int32_t> touched;
        for (std::size_t e = 0; e < rows[layer].of_expert.size(); ++e) {
          if (rows[layer].of_expert[e] > 0) touched.push_back(static_cast<std::int32_t>(e));
          to.rows[layer] += rows[layer].of_expert[e];
        }
        to.touched[layer].push_back(std::move(touched));
      }
    }
  };
  Served discarded = served;
  run(0, discarded);
  for (std::size_t batch = 0; batch < prompts.size() / texts; ++batch) run(batch, served);
  return served;
}

std::vector<std::pair<std::string, index>> parameters_by_kind(const Transformer& model) {
  // The first of these that a name contains.
  const std::pair<const char*, const char*> parts[] = {{".experts.", "experts"},
                                                       {".router.", "routers"},
                                                       {".shared.", "shared experts"},
                                                       {".attention.", "attention"},
                                                       {".feed_forward.", "networks"},
                                                       {"embedding", "embedding and head"},
                                                       {"positions", "embedding and head"},
                                                       {"head", "embedding and head"},
                                                       {"", "other"}};
  std::vector<std::pair<std::string, index>> kinds;
  for (const Parameter& p : model.parameters()) {
    const auto* part = std::find_if(std::begin(parts), std::end(parts), [&](const auto& one) {
      return p.name.find(one.first) != std::string::npos;
    });
    const auto at = std::find_if(kinds.begin(), kinds.end(),
                                 [&](const auto& kind) { return kind.first == part->second; });
    if (at == kinds.end())
      kinds.emplace_back(part->second, p.value.size());
    else
      at->second += p.value.size();
  }
  return kinds;
}

double weight_bytes(const Transformer& model, double experts, double tokens) {
  auto values = static_cast<double>(count(model.parameters()));
  double of_experts = 0, layers = 0;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const Expert& bank = model.moe_layer(i).expert();
    const auto each = static_cast<double>(bank.parameters_per_expert());
    values -= each * static_cast<double>(bank.experts());
    of_experts += each, layers += 1;
  }
  if (layers > 0) values += experts * of_experts / layers;
  if (model.config().tied) return values * sizeof(real);
  for (const Parameter& p : model.parameters())
    if (p.name == "embedding" || p.name == "positions")
      values += std::min(
          0.0, tokens * static_cast<double>(p.value.cols()) - static_cast<double>(p.value.size()));
  return values * sizeof(real);
}

}  // namespace moesim
