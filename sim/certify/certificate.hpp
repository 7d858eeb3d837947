// The certificate of a router or of an expert: what it promises, checked by running it with random
// parameters on sites small enough to try everything. Of a router:
//
//   state         are buffers finite, at the start and after steps of training, does route() leave
//                 them alone, and are they all the state there is?
//   conservation  does its routing value add up?
//   gradient      analytic against central differences in double, of the training loss and of every
//                 auxiliary loss, for every parameter of router and experts and for the tokens;
//                 discrete choices are replayed, and stopped values where the router declares that
//                 its gradient is a surrogate
//   paths         does the task loss alone reach the router's parameters?
//   sees          what outputs depend on, against what the router declares
//   equivariance  do experts renumbered within the declared groups, and renumbered groups, give
//                 the same output?
//   threads       the same bits for any number of threads
//   edges         one token, one sequence, ragged groups, ties, zeros: finite values and gradients
//
// Of an expert:
//
//   stack         are all parameters stacked [E, ...], and do they follow from the site's width,
//                 experts and hidden width alone?
//   state         are buffers finite, and does forward() leave them alone?
//   gradient      as above, for every parameter, for the rows, and for the weights of a merge
//   paths         does every parameter get a gradient, and do the rows?
//   rows          does a row's output depend on this row alone, whatever else is in its segment?
//   experts       does expert e depend on weights e alone? Is a bank of one (E = 1) the same
//                 network?
//   merged        are merged weights the weighted sums that they should be?
//   cost          flops_per_row() against the products that are run
//   threads       as above
//   edges         no row, one row, equal rows, zeros: finite values and gradients
//
// Nothing in it knows a plug-in by name: one is certified as soon as it is registered.
#pragma once

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// A setting from outside, by its full key: {"moe.experts", "8"}.
struct GivenSetting {
  std::string key, value;
};

// What is certified: a registered router, or one that is not.
struct Subject {
  std::string router;           // its name; empty: the subject is the expert
  std::string settings;         // "key=value key=value", of its own section
  bool causal = true;           // the site: is the task autoregressive?
  std::string expert = "mlp";   // a registered expert
  std::string expert_settings;  // "key=value key=value", of the expert's section
  Router::Make make = {};       // how to make it; empty: as registered under its name
  Expert::Make make_expert = {};
  // Settings of the command line: of the sections of router and expert, expert.hidden, and the
  // sizes of the site (moe.experts, model.width, data.length, train.batch).
  std::vector<GivenSetting> given = {};
};

// Where several things were found, the last of these counts.
enum class Verdict {
  none,        // does not apply: the value says why
  pass,        //
  warn,        //
  incomplete,  // applies, but was not measured: no pass
  fail         //
};
std::string to_string(Verdict verdict);  // "n/a", "pass", "WARN", "incomplete", "FAIL"

struct Item {
  std::string name;
  Verdict verdict = Verdict::none;
  std::string value;  // a number or a word where all is well, else one line of what is wrong
};

struct Certificate {
  Subject subject = {};
  std::string declared = {}, probed = {};  // "past", "sequence", "batch", or "batch, ahead"
  double leak = 0;  // largest change of an output by later tokens of its sequence, above rounding
  double gradient_error = -1;  // largest relative error; negative where not measured
  std::vector<Item> items = {};

  Verdict verdict() const;  // the worst of the items
  const Item& item(std::string_view name) const;
};

// Throws if the subject cannot be made, e.g. of settings that it rejects. What goes wrong later is
// an item that fails.
Certificate certify(const Subject& subject);

// What the certificate of a subject takes: memory, and elementary operations, of which a processor
// does some 2 · 10⁹ a second. Estimated from sizes, before anything is allocated, to within a
// factor of three.
struct Effort {
  double bytes = 0, operations = 0;
};
// Throws as certify() does.
Effort effort_of(const Subject& subject);

// Makes the subject on the certificate's site, and returns the options that it declared: those of
// the router, or of the expert if there is no router.
std::vector<OptionInfo> options_of(const Subject& subject);

}  // namespace moesim
