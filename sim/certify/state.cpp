// The item "state" checks that buffers are finite, at the start and after steps of training; that a
// pass does not change them, so that results do not depend on the number of evaluations; that the
// update uses all micro-batches of a step; and that no other state exists, which a checkpoint would
// lose.
#include "sim/certify/specimen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

namespace moesim::certificate {
namespace {

constexpr index kSteps = 8;

using Values = std::vector<std::vector<real>>;

Values values_of(const std::vector<Parameter>& buffers) {
  Values values;
  for (const Parameter& buffer : buffers) values.push_back(buffer.value.to_host());
  return values;
}

// Returns "" if all of them are finite.
std::string not_finite(const std::vector<Parameter>& buffers) {
  for (const Parameter& buffer : buffers)
    if (!finite(buffer.value.to_host())) return buffer.name;
  return {};
}

// Names of the buffers whose values differ from `before`.
std::string changed(const std::vector<Parameter>& buffers, const Values& before) {
  const Values after = values_of(buffers);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < buffers.size(); ++i)
    if (after[i] != before[i]) names.push_back(buffers[i].name);
  return joined(names);
}

// Runs one training step on a batch, after an evaluation pass; returns "" without errors.
std::string step(Specimen& specimen, const Batch& batch, std::uint64_t draw) {
  const std::vector<Parameter>& buffers = specimen.router_buffers();
  for (const bool training : {false, true}) {
    const Values before = values_of(buffers);
    specimen.route(batch, {training, draw});
    const std::string names = changed(buffers, before);
    if (!names.empty())
      return fmt::format("route() changes {} in {}: state changes in after_step() alone", names,
                         training ? "training" : "evaluation");
  }
  specimen.step({{batch, draw}});
  return {};
}

// All numbers of a routing value.
std::vector<double> numbers_of(const Routing& routing) {
  std::vector<double> all;
  const auto add = [&](const auto& values) {
    if (!values) return;
    const auto host = values.to_host();
    all.insert(all.end(), host.begin(), host.end());
  };
  if (const auto* plan = std::get_if<Assignment>(&routing.plan))
    add(plan->token), add(plan->experts.offset), add(plan->gate), add(plan->bypass);
  else if (const auto* mixing = std::get_if<Mixing>(&routing.plan))
    add(mixing->dispatch), add(mixing->combine), add(mixing->order);
  else if (const auto* merging = std::get_if<Merging>(&routing.plan))
    add(merging->weights), add(merging->groups.offset);
  else
    all = std::get<Custom>(routing.plan).load;
  add(routing.scores);
  for (const Loss& loss : routing.losses) all.push_back(static_cast<double>(loss.value.item()));
  return all;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// Returns "" if a repeated pass gives the same routing, also after steps of training whose changes
// of buffers were reverted.
std::string hidden_state(Specimen& specimen) {
  const Batch batch = specimen.batch(1);
  const auto routing = [&] {
    specimen.randomise(0, 0.5);
    return numbers_of(specimen.route(batch, {.training = false, .draw = 1}));
  };
  const std::vector<double> before = routing();
  if (!same_bits(routing(), before)) return "the same pass gives another routing each time";
  for (std::uint64_t draw = 0; draw < 4; ++draw) specimen.step({{specimen.batch(draw), draw}});
  if (same_bits(routing(), before)) return {};
  return "after_step() changes later routing by something that is no buffer(): checkpoints would "
         "lose it";
}

// Returns "" if the state after a step of two micro-batches does not depend on their order, or on
// an evaluation pass between them: after_step() uses the whole step.
std::string partial_step(Specimen& specimen) {
  constexpr double kRounding = kDouble ? 1e-12 : 1e-5;  // of sums in another order
  const std::vector<Parameter>& buffers = specimen.router_buffers();
  const Site& site = specimen.site();
  for (std::uint64_t draw = 0; draw < 12; draw += 4) {
    // Different sizes: the larger one alone can have more demand than the mean of both.
    const MicroBatch first{specimen.batch(draw), draw},
        second{specimen.batch(draw + 1, 3 * site.batch, site.length, 1.0), draw + 1};
    const auto after = [&](const std::vector<MicroBatch>& parts) {
      specimen.randomise(draw, 0.5);
      specimen.step(parts);
      return values_of(buffers);
    };
    const Values one = after({first, second}), other = after({second, first});
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const double change =
          difference(one[i].data(), other[i].data(), static_cast<index>(one[i].size()));
      if (change > kRounding * std::max(1.0, largest(one[i])))
        return fmt::format(
            "the update of {} depends on the order of the step's micro-batches (by {:.2g}): it "
            "must come from the loads that after_step() is given",
            buffers[i].name, change);
    }
  }
  return {};
}

// False if route() throws; "conservation" reports that.
bool routes(Specimen& specimen) {
  try {
    specimen.route(specimen.batch(0), {});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

Item check_state(const Subject& subject) {
  Specimen specimen(subject, small_sites(subject.causal));
  const std::vector<Parameter>& buffers = specimen.router_buffers();
  if (buffers.empty() && !routes(specimen)) return {{}, Verdict::none, "no buffers"};
  for (std::uint64_t draw = 0; draw < 12; draw += 4) {  // multiples of four: initial state
    specimen.randomise(draw, draw == 4 ? 2.0 : 0.5);
    if (const std::string name = not_finite(buffers); !name.empty())
      return {{}, Verdict::fail, name + " is not finite at the start"};
    for (index i = 0; i < kSteps; ++i) {
      const auto key = draw + static_cast<std::uint64_t>(i);
      std::string what = step(specimen, specimen.batch(key, i % 2 == 0 ? 0.0 : 1.0), key);
      if (what.empty())
        if (const std::string name = not_finite(buffers); !name.empty())
          what = fmt::format("{} is not finite after {} steps of training", name, i + 1);
      if (!what.empty()) return {{}, Verdict::fail, what};
    }
  }
  if (const std::string what = hidden_state(specimen); !what.empty())
    return {{}, Verdict::fail, what};
  if (buffers.empty()) return {{}, Verdict::none, "no buffers"};
  if (const std::string what = partial_step(specimen); !what.empty())
    return {{}, Verdict::fail, what};
  return {{}, Verdict::pass, fmt::format("finite, {} steps", kSteps)};
}

}  // namespace moesim::certificate
