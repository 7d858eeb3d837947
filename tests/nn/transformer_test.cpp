// Tests the whole model: gradients of every parameter, initial values, names, costs, and routers
// that reduce to the dense network.
#include "sim/model/transformer.hpp"

#include "sim/ops/ops.hpp"
#include "sim/task/task.hpp"
#include "tests/support/gradient_check.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;  // {"model.layers", "1", ...}

DatasetInfo tokens_info() {
  DatasetInfo info;
  info.length = 6, info.vocabulary = 11;
  for (std::int64_t id = 0; id < info.vocabulary; ++id) info.unigram.push_back(20 - id);
  return info;
}

DatasetInfo images_info() {
  DatasetInfo info;
  info.length = 6, info.features = 5, info.classes = 3;
  return info;
}

// A model of two blocks of width 8 with 4 experts of width 6, and one batch of 4 sequences for it.
struct Tiny {
  Settings settings;
  DatasetInfo info;
  std::unique_ptr<Task> task;
  std::unique_ptr<Transformer> model;
  Context context{
      .training = true, .seed = 5, .step = 3, .layer = 0, .on_routing = {}, .given = {}};
  Example example;

  explicit Tiny(const Values& values, const DatasetInfo& data = tokens_info()) : info(data) {
    const Values defaults = {"model.width", "8",           "model.layers",  "2",
                             "model.heads", "2",           "moe.experts",   "4",
                             "task.name",   "causal_lm",   "expert.hidden", "6",
                             "router.name", "token_choice"};
    for (const Values* list : {&defaults, &values})
      for (std::size_t i = 0; i < list->size(); i += 2)
        settings.set((*list)[i], (*list)[i + 1], "test");
    Options options(settings, "task");
    task = make_task(options, info);
    const ModelShape shape = task->shape();
    Site site;
    site.batch = 4, site.length = shape.length, site.causal = shape.causal;
    site.vocabulary = shape.vocabulary, site.unigram = info.unigram;
    site.unigram.resize(static_cast<std::size_t>(shape.vocabulary));
    model = std::make_unique<Transformer>(shape, site, settings);
    settings.check_all_read();
    backend().set_threads(1);
    initialise(model->parameters(), backend(), 1);
    initialise(model->buffers(), backend(), 1);
    const Batch rows = batch();
    example = task->prepare(
        task->pose(rows, {Split::train, context.seed, context.step, 0, rows.batch}), backend());
  }

  // Task loss and weighted losses of the routers.
  Tensor loss() {
    std::vector<Loss> losses;
    Context pass = context;
    Tensor sum = cross_entropy(model->forward(example.input, pass, losses), example.targets);
    for (const Loss& loss : losses)
      sum = add(sum, affine(loss.value, static_cast<real>(loss.weight)));
    return sum;
  }

  std::vector<real> logits() {
    std::vector<Loss> losses;
    Context pass = context;
    return model->forward(example.input, pass, losses).to_host();
  }

 private:
  Batch batch() const {
    Batch b{4, info.length, {}, {}, {}, {}};
    const Stream stream{17, Purpose::synthetic, 0, 0};
    const auto places = static_cast<std::uint64_t>(b.batch * b.length);
    const auto symbol = [&](std::uint64_t i, index bound) {
      return static_cast<std::int32_t>(random_below(stream, i, static_cast<std::uint64_t>(bound)));
    };
    if (info.vocabulary > 0) {
      for (std::uint64_t i = 0; i < places; ++i) b.ids.push_back(symbol(i, info.vocabulary));
      for (std::uint64_t i = 1; i <= places; ++i) b.targets.push_back(symbol(i, info.vocabulary));
    } else {
      for (const real x : random_reals(3, b.batch * b.length * info.features))
        b.features.push_back(static_cast<float>(x));
      for (std::uint64_t i = 0; i < 4; ++i) b.targets.push_back(symbol(i, info.classes));
    }
    return b;
  }
};

// Values far from those at the start, where most gradients are next to nothing; the loss is
// enlarged for the same reason. Of a parameter up to 16 values are moved: what is in question is
// how the parts of a model are joined, since tests of ops and certificates move all of theirs.
void check_gradients(Tiny& tiny) {
  std::vector<Tensor> inputs;
  std::uint64_t key = 40;
  for (const Parameter& p : tiny.model->parameters()) {
    std::vector<real> values = p.value.to_host();
    const Reals moves = random_reals(key++, p.value.size(), -0.5, 0.5);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += moves[i];
    p.value.from_host(values);
    inputs.push_back(p.value);
  }
  const auto f = [&](const std::vector<Tensor>&) { return affine(tiny.loss(), 20); };
  CHECK(gradient_error(f, inputs, 16) <= 1e-6);
  for (const Parameter& p : tiny.model->parameters()) {
    CAPTURE(p.name);
    CHECK(p.value.has_gradient());
  }
}

TEST_CASE("transformer: gradients of every parameter", "[nn]") {
  const Values top2 = {"router.token_choice.k", "2", "router.token_choice.z_weight", "0.01"};
  const std::vector<Values> models = {
      {},
      {"model.positions", "rotary"},
      {"model.norm", "rms"},
      {"model.tied", "true"},
      {"model.bias", "false"},
      {"model.bias", "false", "model.norm", "rms", "model.tied", "true"},
      {"moe.every", "2"},
      {"moe.shared", "1"},
      {"moe.output_norm", "true"},
      {"moe.shared", "2", "moe.output_norm", "true", "model.positions", "rotary"},
      {"model.dropout", "0.3"},
      {"model.kv_heads", "1"},
      {"model.heads", "4", "model.kv_heads", "2", "model.head_width", "6", "model.positions",
       "rotary", "model.qk_norm", "head"},
      {"model.kv_heads", "1", "model.qk_norm", "all"},
      {"model.qk_norm", "head", "moe.first_dense", "1"},
      {"expert.name", "swiglu"},
      {"feed_forward.name", "swiglu", "feed_forward.hidden", "5", "moe.every", "2"},
      {"moe.at", "block"},
      {"moe.at", "block", "model.positions", "rotary"},
      {"task.name", "masked_lm", "task.mask_rate", "0.5"},
      {"task.name", "masked_lm", "task.mask_rate", "0.5", "model.dropout", "0.2"}};
  for (Values values : models) {
    CAPTURE(values);
    values.insert(values.end(), top2.begin(), top2.end());
    Tiny tiny(values);
    check_gradients(tiny);
  }
}

TEST_CASE("transformer: gradients of a classifier of features", "[nn]") {
  for (const char* positions : {"learned", "rotary"}) {
    Tiny tiny({"task.name", "classification", "model.positions", positions}, images_info());
    REQUIRE(tiny.loss().size() == 1);
    check_gradients(tiny);
  }
}

TEST_CASE("transformer: gradients with every router", "[nn]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    Tiny tiny({"router.name", router});
    check_gradients(tiny);
  }
}

TEST_CASE("transformer: routers share the initial values of all else", "[nn]") {
  struct Seen {
    Shape shape;
    std::vector<real> values;
  };
  std::map<std::string, Seen> seen;
  std::size_t shared = 0;
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    const Tiny tiny({"router.name", router, "moe.shared", "1", "moe.output_norm", "true"});
    for (const Parameter& p : tiny.model->parameters()) {
      CAPTURE(p.name);
      if (p.name.find(".router.") != std::string::npos) continue;
      const auto [place, fresh] =
          seen.try_emplace(p.name, Seen{p.value.shape(), p.value.to_host()});
      if (fresh || !(place->second.shape == p.value.shape())) continue;
      CHECK(place->second.values == p.value.to_host());
      ++shared;
    }
  }
  CHECK(shared >= 20 * (Registry<Router>::names().size() - 1));
  CHECK(seen.at("blocks.0.attention.qkv.weight").values !=
        seen.at("blocks.1.attention.qkv.weight").values);
}

TEST_CASE("transformer: names are unique, and matrices alone decay", "[nn]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    const Tiny tiny({"router.name", router, "moe.shared", "1", "moe.output_norm", "true"});
    std::set<std::string> names;
    for (const Parameter& p : tiny.model->parameters()) {
      CAPTURE(p.name);
      CHECK(names.insert(p.name).second);
      const std::string last = p.name.substr(p.name.rfind('.') + 1);
      const std::set<std::string> free = {"bias", "gain", "b1", "b2", "positions", "head_bias"};
      if (p.name.find(".router.") == std::string::npos) CHECK(p.decay == (free.count(last) == 0));
    }
  }
}

TEST_CASE("transformer: what a token costs, by hand", "[nn]") {
  // V = 11, D = 8, H = 6, S = 6, causal: a query sees 3.5 keys on average.
  // Block: two norms 16 each, qkv 8·24 + 24, output 8·8 + 8, expert 2·48 + 6 + 8 = 110: 430.
  // Embedding 88, positions 48, norm 16, head 88 + 11.
  const Tiny dense({"router.name", "dense"});
  CHECK(dense.model->active_parameters() == 88 + 48 + 2 * 430 + 16 + 99);
  CHECK(dense.model->active_parameters() == static_cast<double>(count(dense.model->parameters())));
  // Block: 2·8·8·4 projections, 2·2·8·3.5 attention, 2·2·8·6 expert; head 2·8·11.
  CHECK(dense.model->flops_per_token() == 3 * (2 * (512 + 112 + 192) + 176));

  // A router of 8·4 and two of four experts.
  const Tiny top2({"router.token_choice.k", "2"});
  CHECK(top2.model->active_parameters() == 88 + 48 + 2 * (430 + 110 + 32) + 16 + 99);
  CHECK(count(top2.model->parameters()) == 88 + 48 + 2 * (430 + 3 * 110 + 32) + 16 + 99);
  CHECK(top2.model->flops_per_token() == 3 * (2 * (512 + 112 + 2 * 192 + 64) + 176));

  // Only the second block has experts; the head is the embedding.
  const Tiny mixed({"moe.every", "2", "model.tied", "true", "moe.shared", "1"});
  CHECK(mixed.model->active_parameters() == 88 + 48 + 430 + (430 + 110 + 32) + 16);
  CHECK(mixed.model->flops_per_token() == 3 * (816 + (816 + 192 + 64) + 176));

  // One head of keys and values for two of queries: qkv 8·16 + 16; two gains of 4 in each block.
  const Tiny shared({"moe.first_dense", "1", "model.kv_heads", "1", "model.tied", "true",
                     "model.qk_norm", "head"});
  CHECK(shared.model->moe_blocks() == std::vector<index>{1});
  CHECK(shared.model->active_parameters() ==
        88 + 48 + 430 + (430 + 32) + 16 + 2 * ((128 + 16) - (192 + 24) + 2 * 4));
  CHECK(shared.model->flops_per_token() == 3 * (816 + (816 + 64) - 2 * (2 * 8 * 8) + 176));

  // Patches 5·8 + 8 in, all 6 keys seen, one head of 8·3 + 3 for 6 positions.
  const Tiny images({"task.name", "classification", "router.name", "dense"}, images_info());
  CHECK(images.model->active_parameters() == 48 + 48 + 2 * 430 + 16 + 27);
  CHECK(images.model->flops_per_token() == 3 * (80 + 2 * (512 + 192 + 192) + 8));
}

// Everything of the dense network, bit by bit: logits in training and evaluation, the loss, and
// the gradients.
void require_dense(const Values& values) {
  Tiny dense({"router.name", "dense", "model.dropout", "0.1"});
  Tiny tiny(values);
  std::map<std::string, Tensor> parameters;
  for (const Parameter& p : tiny.model->parameters()) parameters[p.name] = p.value;
  for (const bool training : {true, false}) {
    dense.context.training = tiny.context.training = training;
    CHECK(tiny.logits() == dense.logits());
  }
  dense.context.training = tiny.context.training = true;
  for (Tiny* each : {&dense, &tiny}) {
    Tape tape;
    const Tape::Scope scope(&tape);
    tape.backward(each->loss());
  }
  for (const Parameter& p : dense.model->parameters()) {
    CAPTURE(p.name);
    REQUIRE(parameters.count(p.name) == 1);
    CHECK(parameters[p.name].to_host() == p.value.to_host());
    CHECK(parameters[p.name].gradient().to_host() == p.value.gradient().to_host());
  }
}

TEST_CASE("transformer: one expert with a gate of 1 is the dense network", "[nn]") {
  const std::string choice = "router.token_choice.";
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"normalise", "sum"}, {"normalise", "l2"}, {"softmax", "after"}}) {
    CAPTURE(key, value);
    require_dense({"moe.experts", "1", "model.dropout", "0.1", choice + "capacity_factor", "0",
                   choice + "capacity_factor_eval", "0", choice + "balance_weight", "0",
                   choice + "allow_constant_gate", "true", choice + key, value});
  }
}

}  // namespace
}  // namespace moesim::testing
