#include "sim/moe/policies/capacity.hpp"

#include "sim/config/names.hpp"
#include "sim/config/text.hpp"
#include "sim/moe/router.hpp"

#include <fmt/format.h>

namespace moesim {

std::string Capacity::formula(index n, index k, index experts) const {
  if (absolute > 0) return fmt::format("{}", absolute);
  const std::string by = config::shortest(factor), times = fmt::format(" · {}", k);
  const std::string exact =
      whole_share ? fmt::format("{} · ⌈{} / {}⌉", by, n, experts)
                  : fmt::format("{} · {}{} / {}", by, n, per_choice ? times : "", experts);
  std::string text = rounding == Rounding::ceil    ? "⌈" + exact + "⌉"
                     : rounding == Rounding::floor ? "⌊" + exact + "⌋"
                                                   : "round(" + exact + ")";
  if (whole_share && per_choice) text = fmt::format("{} · {}", k, text);
  if (multiple > 1) text = fmt::format("({} up to a multiple of {})", text, multiple);
  const index value = rows(n, k, experts);
  // The bounds, where they may matter.
  if (minimum > 1) text = fmt::format("max({}, {})", minimum, text);
  if (value == n) text = fmt::format("min({}, {})", n, text);
  return fmt::format("{} = {}", text, value);
}

std::string describe_group(Group group, index n) {
  switch (group) {
    case Group::sequence:
      return fmt::format("the {} tokens of a sequence", n);
    case Group::position:
      return fmt::format("the {} tokens at the same position of all sequences", n);
    case Group::batch:
      break;
  }
  return fmt::format("all {} tokens of the batch", n);
}

void explain_capacity(const Options& options, const Site& site, Group group, index k,
                      const Capacity& training, const Capacity& evaluation) {
  const auto say = [&](const std::string& when, const Capacity& capacity, index batch) {
    const index n = group_size(group, std::max<index>(1, batch), std::max<index>(1, site.length));
    const double even =
        static_cast<double>(n * k) / static_cast<double>(std::max<index>(1, site.experts));
    if (!capacity.limited())
      options.explain(Topic::capacity, when + ": no limit");
    else
      options.explain(
          Topic::capacity,
          fmt::format("{}: C = {} rows per expert for {}; an even load is {}", when,
                      capacity.formula(n, k, site.experts),
                      site.ragged ? fmt::format("n tokens, here {}", n) : describe_group(group, n),
                      config::shortest(even)));
  };
  say("training", training, site.batch);
  say("evaluation", evaluation, site.evaluation_batch > 0 ? site.evaluation_batch : site.batch);
}

Rounding read_rounding(Options& options, const std::string& otherwise, const std::string& help) {
  constexpr Named<Rounding> kRoundings[] = {
      {"ceil", Rounding::ceil}, {"floor", Rounding::floor}, {"round", Rounding::round}};
  return value_of<Rounding>(
      kRoundings, options.choice("capacity_rounding", otherwise,
                                 with_first(all_names<Rounding>(kRoundings), otherwise), help));
}

Group read_group(Options& options, const std::string& otherwise,
                 const std::vector<std::string>& allowed, const std::string& help) {
  const std::string name = options.choice("group", otherwise, allowed, help);
  if (name == "position") return Group::position;
  return name == "batch" ? Group::batch : Group::sequence;
}

index group_size(Group group, index batch, index length) {
  switch (group) {
    case Group::sequence:
      return length;
    case Group::position:
      return batch;
    case Group::batch:
      break;
  }
  return batch * length;
}

}  // namespace moesim
