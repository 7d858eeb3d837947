// Explained is a sentence about one part of a run: what its settings mean, in formulas with the
// numbers of this run. The code that reads settings adds it (Options::explain), so that it is
// computed by what it describes.
#pragma once

#include "sim/config/names.hpp"

#include <string>
#include <vector>

namespace moesim {

// Topic is what a sentence is about; explanations have these parts in this order.
enum class Topic {
  router,
  scores,
  selection,
  gate,
  capacity,
  drops,
  losses,
  state,
  evaluation,
  sees,
  cost
};

inline constexpr Named<Topic> kTopics[] = {
    {"router", Topic::router}, {"scores", Topic::scores},     {"selection", Topic::selection},
    {"gate", Topic::gate},     {"capacity", Topic::capacity}, {"drops", Topic::drops},
    {"losses", Topic::losses}, {"state", Topic::state},       {"evaluation", Topic::evaluation},
    {"sees", Topic::sees},     {"cost", Topic::cost}};

struct Explained {
  std::string section;  // of the settings, "router.token_choice"
  Topic topic = Topic::router;
  std::string text;

  bool operator==(const Explained&) const = default;
};

}  // namespace moesim
