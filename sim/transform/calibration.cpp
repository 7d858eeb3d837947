#include "sim/transform/calibration.hpp"

#include "sim/moe/expert.hpp"
#include "sim/train/routing_monitor.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// RowsOfExperts is the numbers of each expert's rows, on the host.
struct RowsOfExperts {
  RowsOfExperts(const Segments& segments, const Indices& token)
      : begin(segments.offset.to_host()),
        token(token ? token.to_host() : std::vector<std::int32_t>()) {}

  std::size_t experts() const { return begin.size() - 1; }
  // Calls visit(row) for every row of expert e but padding, in their order.
  template <class Visit>
  void each(std::size_t e, const Visit& visit) const {
    for (auto r = static_cast<std::size_t>(begin[e]); r < static_cast<std::size_t>(begin[e + 1]);
         ++r)
      if (token.empty() || token[r] >= 0) visit(r);
  }

  std::vector<std::int32_t> begin, token;
};

// Adds x xᵀ of the rows of each expert, in their order.
void add_rows(const Rows& rows, std::vector<std::vector<double>>& grams) {
  const RowsOfExperts numbers(rows.segments, rows.token);
  const std::vector<real> x = rows.x.to_host();
  const auto in = static_cast<std::size_t>(rows.x.cols());
  const auto experts = static_cast<std::ptrdiff_t>(grams.size());
#pragma omp parallel for schedule(dynamic)
  for (std::ptrdiff_t e = 0; e < experts; ++e) {
    std::vector<double>& gram = grams[static_cast<std::size_t>(e)];
    numbers.each(static_cast<std::size_t>(e), [&](std::size_t r) {
      if (gram.empty()) gram.assign(in * in, 0);
      for (std::size_t i = 0; i < in; ++i) {
        const auto xi = static_cast<double>(x[r * in + i]);
        for (std::size_t j = 0; j < in; ++j)
          gram[i * in + j] += xi * static_cast<double>(x[r * in + j]);
      }
    });
  }
}

// Sums over rows of one layer's experts.
struct Saliency {
  std::vector<double> sum, rows;

  void add(const Assignment& plan, const Tensor& outputs) {
    const RowsOfExperts numbers(plan.experts, plan.token);
    const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>();
    const std::vector<real> u = outputs.to_host();
    const auto width = static_cast<std::size_t>(outputs.cols());
    sum.resize(numbers.experts()), rows.resize(numbers.experts());
    for (std::size_t e = 0; e < numbers.experts(); ++e)
      numbers.each(e, [&](std::size_t r) {
        double squares = 0;
        for (std::size_t i = 0; i < width; ++i)
          squares += static_cast<double>(u[r * width + i]) * static_cast<double>(u[r * width + i]);
        sum[e] += std::sqrt(squares) * (gate.empty() ? 1 : static_cast<double>(gate[r]));
        rows[e] += 1;
      });
  }
  std::vector<double> means() const {
    std::vector<double> means;
    for (std::size_t e = 0; e < sum.size(); ++e) means.push_back(sum[e] / std::max(rows[e], 1.0));
    return means;
  }
};

// Runs the model on the sequences, in batches. prepare: completes the context of a pass; done: called
// after it.
void run_on(
    const Calibration& on, const std::function<void(Context&, const Example&)>& prepare,
    const std::function<void()>& done = [] {}) {
  constexpr index kBatch = 32;
  for (index first = 0, step = 0; first < on.sequences; first += kBatch, ++step) {
    const index rows = std::min(kBatch, on.sequences - first);
    const Batch batch = on.task.pose(on.data.batch(Split::train, on.seed, step, rows),
                                     {.seed = on.seed, .step = step, .rows = rows});
    const Example example = on.task.prepare(batch, on.backend);
    Context context;
    context.seed = on.seed;
    prepare(context, example);
    std::vector<Loss> losses;
    on.model.forward(example.input, context, losses);
    done();
  }
}

// SaliencyOfLayers collects those of all layers, by block.
struct SaliencyOfLayers {
  std::map<index, Saliency> layers;

  void attach(Context& context) {
    context.on_outputs = [this](index layer, const Assignment& plan, const Tensor& u) {
      layers[layer].add(plan, u);
    };
  }
  std::vector<std::vector<double>> of(const Transformer& model) {
    std::vector<std::vector<double>> saliency;
    for (const index block : model.moe_blocks()) saliency.push_back(layers[block].means());
    return saliency;
  }
};

}  // namespace

Grams input_grams(const Calibration& on, const std::vector<NamedTensor>& weights,
                  const std::vector<std::string>& names) {
  Grams grams;
  std::map<const real*, std::string> wanted;
  for (const NamedTensor& tensor : weights)
    if (std::find(names.begin(), names.end(), tensor.name) != names.end())
      wanted[tensor.value.data()] = tensor.name;
  run_on(on, [&](Context& context, const Example&) {
    context.on_product = [&](const Tensor& w, const Rows& product) {
      const auto at = wanted.find(w.data());
      if (at == wanted.end()) return;
      std::vector<std::vector<double>>& own = grams[at->second];
      own.resize(static_cast<std::size_t>(w.dim(0)));
      add_rows(product, own);
    };
  });
  return grams;
}

std::vector<std::vector<double>> expert_saliency(Transformer& model, Backend& backend,
                                                 const Task& task, const Evaluator& evaluator) {
  SaliencyOfLayers saliency;
  for (index i = 0; i < evaluator.batches(); ++i) {
    Context context = evaluator.context(i);
    saliency.attach(context);
    std::vector<Loss> losses;
    model.forward(task.prepare(evaluator.posed(i), backend).input, context, losses);
  }
  return saliency.of(model);
}

std::vector<std::vector<double>> expert_saliency(const Calibration& on) {
  SaliencyOfLayers saliency;
  run_on(on, [&](Context& context, const Example&) { saliency.attach(context); });
  return saliency.of(on.model);
}

std::vector<LayerStatistics> expert_use(const Calibration& on) {
  RoutingMonitor monitor(on.model, on.backend, static_cast<index>(on.data.info().domains.size()));
  run_on(
      on, [&](Context& context, const Example& example) { monitor.attach(context, example); },
      [&] { monitor.collect(); });
  return std::move(monitor.layers());
}

}  // namespace moesim
