// The certificate of a router: what it promises, checked by running it with random parameters on a
// site small enough to try everything.
//
//   conservation  does its routing value add up?
//   gradient      analytic against central differences in double, of the training loss and of every
//                 auxiliary loss, for every parameter of router and experts and for the tokens;
//                 discrete choices and stopped gradients are replayed
//   paths         does the task loss alone reach the router's parameters?
//   sees          what outputs depend on, against what the router declares
//   equivariance  do renumbered experts give the same output?
//   threads       the same bits for any number of threads
//   edges         one token, one sequence, ragged groups, ties, zeros: finite values and gradients
//
// Nothing in it knows a router by name: a plug-in is certified as soon as it is registered.
#pragma once

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// What is certified: a registered router, or one that is not.
struct Subject {
  std::string router;           // its name
  std::string settings;         // "key=value key=value", of its own section
  bool causal = true;           // the site: is the task autoregressive?
  std::string expert = "mlp";   // a registered expert
  std::string expert_settings;  // "key=value key=value", of the expert's section
  Router::Make make;            // how to make it; empty: as registered under its name
};

enum class Verdict { none, pass, warn, fail };  // none: does not apply, or not in this build
std::string to_string(Verdict verdict);         // "n/a", "pass", "WARN", "FAIL"

struct Item {
  std::string name;
  Verdict verdict = Verdict::none;
  std::string value;  // a number or a word where all is well, else one line of what is wrong
};

struct Certificate {
  Subject subject;
  std::string declared, probed;  // "past", "sequence", "batch", or "batch, ahead"
  double leak = 0;  // largest change of an output by later tokens of its sequence, above rounding
  double gradient_error = 0;  // largest relative error; negative where not measured
  std::vector<Item> items;

  Verdict verdict() const;  // the worst of the items
  const Item& item(std::string_view name) const;
};

// Throws if the router cannot be made, e.g. of settings that it rejects. What goes wrong later is
// an item that fails.
Certificate certify(const Subject& subject);

// Makes the subject's router on the certificate's site, and returns the options that it declared.
std::vector<OptionInfo> options_of(const Subject& subject);

}  // namespace moesim
