// Tests MoE layers around a whole block (mixture of depths) and around attention, against the parts
// that they consist of.
#include "sim/model/block.hpp"
#include "sim/moe/nested.hpp"
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

constexpr index kWidth = 8, kHeads = 2;
constexpr double kRounding = 1e-12;

// An attention and an mlp behind layer norms; `key` draws its values.
std::unique_ptr<Block> a_block(bool rotary, std::uint32_t key) {
  auto block = std::make_unique<Block>(real(0));
  block->append(
      "attention",
      std::make_unique<AttentionBranch>(AttentionConfig{
          .width = kWidth, .heads = kHeads, .causal = true, .rotary = rotary, .bias = true}),
      "norm_attention", std::make_unique<Norm>(NormKind::layer, kWidth, true));
  block->append("feed_forward",
                std::make_unique<FeedForwardBranch>(
                    make_expert("mlp", {.width = kWidth, .experts = 1, .hidden = 6})),
                "norm_feed_forward", std::make_unique<Norm>(NormKind::layer, kWidth, true));
  for (const Parameter& p : block->parameters()) {
    p.value.allocate(test_backend());
    p.value.from_host(normal_values(p.value.size(), key++));
  }
  return block;
}

std::vector<real> rows_of(const Tensor& x, const std::vector<std::int32_t>& rows) {
  return gather_rows(x, Indices::of(rows, test_backend())).to_host();
}

double largest_change(const std::vector<real>& a, const std::vector<real>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return most;
}

TEST_CASE("branches: experts that are blocks see the tokens that they were given, in order",
          "[nn][branch]") {
  for (const bool rotary : {false, true}) {
    CAPTURE(rotary);
    std::vector<std::unique_ptr<Block>> blocks;
    blocks.push_back(a_block(rotary, 1));
    blocks.push_back(a_block(rotary, 50));
    const BlockBank bank({.width = kWidth, .experts = 2}, 5, std::move(blocks));
    const auto first = a_block(rotary, 1), second = a_block(rotary, 50);

    // Two sequences of five. Block 0 gets 3 of the first and 1 of the second, out of order; block 1
    // gets 2 of the second.
    Context context;
    const Tensor x = Tensor::of({10, kWidth}, normal_values(10 * kWidth, 9), test_backend());
    const Tokens tokens = tokens_of(x, 2, 5, {}, context);
    const Indices token = Indices::of({4, 0, 7, 2, 9, 6}, test_backend());
    const Segments segments{Indices::of({0, 4, 6}, test_backend()), 6};
    const Tensor y = bank.forward(
        {.x = gather_rows(x, token), .segments = segments, .token = token, .tokens = &tokens});

    // The same sequences by themselves, with the positions that the tokens have in the whole.
    std::vector<Loss> losses;
    const auto alone = [&](Block& block, const std::vector<std::int32_t>& of,
                           const std::vector<std::int32_t>& position) {
      Tokens part = tokens_of(gather_rows(x, Indices::of(of, test_backend())), 1,
                              static_cast<index>(of.size()), {}, context);
      part.position = Indices::of(position, test_backend());
      return block.forward(part, losses).to_host();
    };
    CHECK(largest_change(rows_of(y, {1, 3, 0}), alone(*first, {0, 2, 4}, {0, 2, 4})) <= kRounding);
    CHECK(largest_change(rows_of(y, {2}), alone(*first, {7}, {2})) <= kRounding);
    CHECK(largest_change(rows_of(y, {5, 4}), alone(*second, {6, 9}, {1, 4})) <= kRounding);
    // Positions matter for rotary alone.
    const double moved =
        largest_change(alone(*first, {0, 2, 4}, {0, 2, 4}), alone(*first, {0, 2, 4}, {0, 1, 2}));
    CHECK((moved > 1e-3) == rotary);
  }
}

TEST_CASE("branches: a mixture of depths passes by what it does not choose", "[nn][branch]") {
  Training training(
      {"moe.at", "block", "moe.experts", "1", "router.name", "expert_choice",
       "router.expert_choice.group", "sequence", "router.expert_choice.softmax", "tokens",
       "router.expert_choice.capacity_factor", "0.5", "model.layers", "1", "run.steps", "3"},
      1);
  const MoeLayer& layer = training.model->moe_layer(0);
  CHECK(layer.router().traits().cost.rows_per_token == 0.5);
  Context context;
  const index T = 2 * 16, D = 16;
  const Tensor x = Tensor::of({T, D}, normal_values(T * D, 3), training.backend);
  const Tokens tokens = tokens_of(x, 2, 16, {}, context);
  Routing kept;
  context.on_routing = [&](index, const Routing& routing) { kept = routing; };
  std::vector<Loss> losses;
  const std::vector<real> before = x.to_host(),
                          after = training.model->blocks()[0]->forward(tokens, losses).to_host();
  std::vector<bool> chosen(static_cast<std::size_t>(T), false);
  for (const std::int32_t t : std::get<Assignment>(kept.plan).token.to_host())
    chosen[static_cast<std::size_t>(t)] = true;
  index passed = 0;
  for (std::size_t t = 0; t < chosen.size(); ++t) {
    const bool same = std::equal(before.begin() + static_cast<std::ptrdiff_t>(t) * D,
                                 before.begin() + static_cast<std::ptrdiff_t>(t + 1) * D,
                                 after.begin() + static_cast<std::ptrdiff_t>(t) * D);
    CHECK(same == !chosen[t]);
    passed += same ? 1 : 0;
  }
  CHECK(passed == T / 2);
  CHECK(training.run() == End::complete);
  CHECK_THROWS_WITH(Training({"moe.experts", "1", "router.name", "expert_choice",
                              "router.expert_choice.capacity_factor", "0.5"},
                             1),
                    contains("set softmax = tokens"));
}

// Mixture of attention heads (Zhang et al. 2022): experts have queries and outputs of their own,
// keys and values are shared. Row i of token t attends from its expert's query.
class Heads : public Expert {
 public:
  Heads(const ExpertSite& site, index size) : Expert(site), d_(size) {
    query_ = parameter("query", {site.experts, site.width, d_}, Init::normal(0.3));
    output_ = parameter("output", {site.experts, d_, site.width}, Init::normal(0.3));
    key_ = parameter("key", {site.width, d_}, Init::normal(0.3));
    value_ = parameter("value", {site.width, d_}, Init::normal(0.3));
  }
  // As many rows for every token.
  Tensor forward(const Rows& rows) const override {
    if (rows.tokens == nullptr) fail_in("heads", "attention needs rows that are tokens");
    const Tokens& all = *rows.tokens;
    const index T = all.x.rows(), N = rows.x.rows(), k = N / T;
    Backend& backend = rows.x.backend();
    const RowOrder by_token = order_by(rows.token, T);
    const Indices order = by_token.order.first(N);
    const auto repeated = [&](const Tensor& x) {
      const Indices row = map_indices({.shape = {T, k, 1}, .add = {1, 0}}, backend);
      return gather_rows(x, row).reshape({T, k * d_});
    };
    const Tensor q = gather_rows(grouped_linear(rows, query_, {}), order).reshape({T, k * d_});
    const Tensor parts =
        concat_rows({q, repeated(matmul(all.x, key_)), repeated(matmul(all.x, value_))});
    const Indices interleaved = map_indices({.shape = {T, 3, 1}, .add = {1, T}}, backend);
    const Tensor qkv = gather_rows(parts, interleaved).reshape({T, 3 * k * d_});
    const Tensor h = attention(qkv, {all.batch(), all.length(), k, true}).reshape({N, d_});
    return grouped_linear(rows.with(combine_rows(h, {}, order, N)), output_, {});
  }
  bool attends() const override { return true; }
  double flops_per_row() const override { return 4.0 * static_cast<double>(site().width * d_); }

 private:
  index d_;
  Tensor query_, output_, key_, value_;
};

// Registers it while it lives.
class WithHeads {
 public:
  WithHeads() {
    Registry<Expert>::add({"test_heads", "for tests", [](const ExpertSite& site, Options&) {
                             return std::make_unique<Heads>(site, 3);
                           }});
  }
  ~WithHeads() { Registry<Expert>::remove("test_heads"); }
  WithHeads(const WithHeads&) = delete;
  WithHeads& operator=(const WithHeads&) = delete;
};

TEST_CASE("branches: a mixture of attention heads is attention by chosen queries", "[nn][branch]") {
  constexpr index B = 2, S = 5, E = 4, k = 2, d = 3;
  const WithHeads registered;
  TinyLayer layer({.width = kWidth, .experts = E, .batch = B, .length = S}, "token_choice",
                  {{"k", "2"}, {"capacity_factor", "0"}, {"capacity_factor_eval", "0"}},
                  "test_heads");
  const Tensor x = layer.input();
  const Routing routing = layer.route(x);
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<double> y = host(layer.run(x)), in = host(x), gate = host(plan.gate),
                            wq = host(parameter_of(*layer.expert, "query")),
                            wo = host(parameter_of(*layer.expert, "output")),
                            wk = host(parameter_of(*layer.expert, "key")),
                            wv = host(parameter_of(*layer.expert, "value"));
  const std::vector<std::int32_t> token = plan.token.to_host(),
                                  offset = plan.experts.offset.to_host();
  const auto times = [&](index t, const std::vector<double>& w, index first, index cols, index c) {
    double sum = 0;
    for (index i = 0; i < kWidth; ++i)
      sum += in[static_cast<std::size_t>(t * kWidth + i)] *
             w[static_cast<std::size_t>(first + i * cols + c)];
    return sum;
  };
  std::vector<double> expected(in.size(), 0);
  for (index e = 0; e < E; ++e)
    for (std::int32_t row = offset[static_cast<std::size_t>(e)];
         row < offset[static_cast<std::size_t>(e) + 1]; ++row) {
      const index t = token[static_cast<std::size_t>(row)], begin = t / S * S;
      std::vector<double> weight, h(d, 0);
      double total = 0;
      for (index s = begin; s <= t; ++s) {
        double score = 0;
        for (index c = 0; c < d; ++c)
          score += times(t, wq, e * kWidth * d, d, c) * times(s, wk, 0, d, c);
        weight.push_back(std::exp(score / std::sqrt(static_cast<double>(d))));
        total += weight.back();
      }
      for (index s = begin; s <= t; ++s)
        for (index c = 0; c < d; ++c)
          h[static_cast<std::size_t>(c)] +=
              weight[static_cast<std::size_t>(s - begin)] / total * times(s, wv, 0, d, c);
      for (index c = 0; c < kWidth; ++c) {
        double sum = 0;
        for (index j = 0; j < d; ++j)
          sum += h[static_cast<std::size_t>(j)] *
                 wo[static_cast<std::size_t>((e * d + j) * kWidth + c)];
        expected[static_cast<std::size_t>(t * kWidth + c)] +=
            gate[static_cast<std::size_t>(row)] * sum;
      }
    }
  CHECK(token.size() == static_cast<std::size_t>(B * S * k));
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) <= 100 * kRounding);

  Training training({"moe.at",
                     "attention",
                     "expert.name",
                     "test_heads",
                     "feed_forward.name",
                     "mlp",
                     "feed_forward.hidden",
                     "8",
                     "router.name",
                     "token_choice",
                     "router.token_choice.k",
                     "2",
                     "router.token_choice.capacity_factor",
                     "0",
                     "router.token_choice.capacity_factor_eval",
                     "0",
                     "run.steps",
                     "30",
                     "train.rate",
                     "0.01"},
                    1);
  CHECK(training.run() == End::complete);
  const std::vector<double> losses = training.recorder->file().all_values("task_loss");
  CHECK(losses.back() < losses.front());
  CHECK_THROWS_WITH(Training({"moe.at", "attention"}, 1), contains("mlp does not attend"));
}

}  // namespace
}  // namespace moesim::testing
