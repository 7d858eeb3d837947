// Hash layers (Roller et al. 2021): the expert is a fixed function of the input token id, with gate
// 1 and without parameters. Causal.
//
// The balanced table assigns ids in order of falling frequency, each to the expert with the least
// load so far. The random table draws an expert per id. Data without token ids is hashed by
// position.
#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/indices.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

std::vector<std::int32_t> balanced_table(const std::vector<std::int64_t>& frequency,
                                         index experts) {
  std::vector<std::size_t> ids(frequency.size());
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  std::stable_sort(ids.begin(), ids.end(),
                   [&](std::size_t a, std::size_t b) { return frequency[a] > frequency[b]; });
  std::vector<std::int32_t> table(frequency.size());
  // Load by occurrences, ties by number of ids, so that ids without occurrences are spread as well.
  std::vector<std::pair<std::int64_t, std::int64_t>> load(static_cast<std::size_t>(experts));
  for (const std::size_t id : ids) {
    const auto least = std::min_element(load.begin(), load.end());
    table[id] = static_cast<std::int32_t>(least - load.begin());
    least->first += frequency[id];
    ++least->second;
  }
  return table;
}

class Hash : public Router {
 public:
  Hash(const Site& site, Options& options) : experts_(site.experts) {
    const std::string kind =
        options.choice("table", "balanced", {"balanced", "random"},
                       "assignment of ids to experts: by frequency, or at random");
    options.explain(Topic::selection, "a fixed table maps the token id to one expert");
    options.explain(Topic::gate, "g = 1");
    const index seed = options.integer("seed", 0, {0, 1 << 30}, "of the random table");
    traits_ = {.experts = experts_,
               .capturable = true,
               .fixed_choices = true,
               .reroutes = Reroutes::never};
    const index symbols = site.vocabulary > 0 ? site.vocabulary : site.length;
    if (kind == "balanced") {
      const bool counted =
          site.vocabulary > 0 && static_cast<index>(site.unigram.size()) == symbols;
      table_ = balanced_table(
          counted ? site.unigram : std::vector<std::int64_t>(static_cast<std::size_t>(symbols), 1),
          experts_);
      return;
    }
    const Stream stream{static_cast<std::uint64_t>(seed), Purpose::router_noise, 0,
                        static_cast<std::uint32_t>(site.layer)};
    for (index id = 0; id < symbols; ++id)
      table_.push_back(static_cast<std::int32_t>(random_below(
          stream, static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(experts_))));
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    if (!on_device_) on_device_ = Indices::of(table_, backend);
    const bool by_id = tokens.ids.size() > 0;
    if (const index S = by_id ? 0 : tokens.length(); S > static_cast<index>(table_.size()))
      fail_in("hash", "sequences of " + std::to_string(S) + " for a table of " +
                          std::to_string(table_.size()) + " positions");
    const Indices chosen = look_up(on_device_, by_id ? tokens.ids : tokens.positions());
    return {.plan = assign(chosen, chosen, 1, experts_, {})};
  }

 private:
  index experts_;
  std::vector<std::int32_t> table_;  // expert of each token id, or position
  Indices on_device_;                // the same, where it is looked up
};

const RegisterRouter<Hash> hash("hash",
                                "a fixed table from token id to expert (Roller et al. 2021)",
                                {{"random", "table=random seed=7"}});

}  // namespace
}  // namespace moesim
