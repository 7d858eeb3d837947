// Dialect is the routing of a published library, expressed as settings of a router: the lines of a
// config file, what they do not reproduce, and the reference files that prove their equality.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Carried is what a dialect takes over from a config: its router and that router's options by short
// key: k and the capacity factors, and others that the config sets. What it leaves open is as the
// library has it. balance_weight is that of this program, whose loss is 1 at balance.
struct Carried {
  std::string router;
  std::map<std::string, std::string> values;
  bool k_is_set = true;  // false: k is the router's default

  bool has(const std::string& key) const { return values.contains(key); }
  std::string text(const std::string& key, const std::string& otherwise) const;
  // The same for numbers, where 0 stands for the library's own value.
  std::string above_zero(const std::string& key, const std::string& otherwise) const;
  double number(const std::string& key, double otherwise) const;
  // k of a gate that is always 1 for k = 1: the library's own, unless the config sets k.
  std::string live_k(const std::string& otherwise) const;
};

inline bool is_token_choice(const Carried& from) { return from.router == "token_choice"; }

// Keys of the router's own section, or full ones, with their values.
using DialectLines = std::vector<std::pair<std::string, std::string>>;

// A family of golden files, and which of its cases are of this dialect ("": all).
struct Proof {
  std::string family, cases;
};

struct Dialect {
  std::string library, variant;  // "deepspeed", "top2"; the variant is empty for a library with one
  std::string gate;              // what the library calls it, with its settings
  std::string router;            // the router here
  // Whether this dialect has what a config with these options asks for; the first such is taken.
  bool (*suits)(const Carried&);
  DialectLines (*lines)(const Carried&);
  std::vector<Proof> proofs;         // empty: the code was read, not run
  std::vector<std::string> differs;  // what the settings do not reproduce, one sentence each

  std::string name() const { return variant.empty() ? library : library + ":" + variant; }
};

// Whether k is 1; `otherwise` is the library's k.
bool is_single(const Carried& from, double otherwise);
// Whether two texts are the same value: equal, or equal numbers.
bool same_value(const std::string& a, const std::string& b);
void append(DialectLines& lines, const DialectLines& more);
// The balance weight for a library whose loss is k at balance: the config's, else k times the
// library's coefficient.
std::string balance_of_k(const Carried& from, const std::string& coefficient, const std::string& k);

// Every dialect, those of a library together, its default gate first.
const std::vector<Dialect>& dialects();
std::vector<std::string> dialect_libraries();

// The dialect named "LIBRARY" or "LIBRARY:VARIANT". Without a variant: the one that the config is
// already, else the library's first that suits it, else its default gate. Throws Exit::usage and
// lists the names if it is none of them.
const Dialect& choose_dialect(const std::string& name, const Carried& from);

// What of the config the dialect takes over: everything from the same router; k, capacity factors
// and weights of losses from another that chooses k experts; else nothing.
Carried carried_to(const Dialect& dialect, const Carried& from);

// Whether the library has a gate like the config's router.
bool has_counterpart(const std::string& library, const Carried& from);

// The entries of dialects(): Megatron-LM and torchtitan; libraries of layers in PyTorch; models in
// PyTorch; libraries in JAX.
std::vector<Dialect> megatron_dialects();
std::vector<Dialect> torch_dialects();
std::vector<Dialect> model_dialects();
std::vector<Dialect> jax_dialects();

}  // namespace moesim
