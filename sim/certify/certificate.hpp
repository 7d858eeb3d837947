// Certificate is a list of properties of a router or an expert, each tested by running it with
// random parameters on small sites. The items of a router:
//
//   state         buffers are finite, at the start and after steps of training; route() does not
//                 change them; there is no other state
//   conservation  the routing value is well formed and adds up
//   gradient      analytic and central differences agree in double, for the training loss and every
//                 auxiliary loss, for every parameter of router and experts and for the tokens;
//                 discrete choices are replayed, and so are stopped values if the router declares
//                 its gradient a surrogate
//   paths         the task loss alone reaches the router's parameters
//   sees          outputs depend on nothing that the router does not declare
//   equivariance  experts renumbered within the declared groups, and renumbered groups, give the
//                 same output
//   threads       the bits are the same for any number of threads
//   edges         one token, one sequence, ragged groups, ties and zeros give finite values and
//                 gradients
//
// The items of an expert:
//
//   stack         all parameters are stacked [E, ...], and depend on the site's width, experts and
//                 hidden width alone
//   state         buffers are finite, and forward() does not change them
//   gradient      as above, for every parameter, the rows, and the weights of a merge
//   paths         every parameter gets a gradient, and so do the rows
//   rows          a row's output depends on this row alone, whatever its segment contains
//   experts       expert e depends on weights e alone, and equals a bank of one (E = 1)
//   merged        merged weights are the weighted sums
//   cost          flops_per_row() agrees with the products that run
//   threads       as above
//   edges         no row, one row, equal rows and zeros give finite values and gradients
//
// No code here depends on a plug-in's name: a plug-in is certified as soon as it is registered.
#pragma once

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// A setting of the command line by its full key: {"moe.experts", "8"}.
struct GivenSetting {
  std::string key, value;
};

// Subject is the plug-in to certify: a registered router or expert, or one given by `make`.
struct Subject {
  std::string router;           // its name; empty: the subject is the expert
  std::string settings;         // "key=value key=value", of its own section
  bool causal = true;           // the site: is the task autoregressive?
  std::string expert = "mlp";   // a registered expert
  std::string expert_settings;  // "key=value key=value", of the expert's section
  Router::Make make = {};       // its constructor; empty: as registered
  Expert::Make make_expert = {};
  // Settings of the command line: for the sections of router and expert, expert.hidden, and the
  // sizes of the site (moe.experts, model.width, data.length, train.batch).
  std::vector<GivenSetting> given = {};
};

// Ascending by severity: the worst of several findings counts.
enum class Verdict {
  none,        // does not apply; the value says why
  pass,        //
  warn,        //
  incomplete,  // applies, but was not measured
  fail         //
};
std::string to_string(Verdict verdict);  // "n/a", "pass", "WARN", "incomplete", "FAIL"

struct Item {
  std::string name;
  Verdict verdict = Verdict::none;
  std::string value;  // a number or a word on success, else one line about the failure
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

// Certifies the subject. Throws if it cannot be built, e.g. because it rejects settings; later
// errors fail an item.
Certificate certify(const Subject& subject);

// Cost of a subject's certificate: memory, and elementary operations, of which a processor executes
// about 2 · 10⁹ per second. Estimated from sizes before anything is allocated, within a factor of
// three.
struct Effort {
  double bytes = 0, operations = 0;
};
// Throws as certify() does.
Effort effort_of(const Subject& subject);

// The options that the subject declares on the certificate's site: of the router, or of the expert
// if there is no router.
std::vector<OptionInfo> options_of(const Subject& subject);

}  // namespace moesim
