// The certificate of an expert, with its items "stack", "state" and "edges".
#include "sim/certify/bank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim::certificate {
namespace {

// Returns "" if parameters are stacked and named correctly.
std::string trouble(const Bank& bank) {
  const index E = bank.site().experts;
  if (bank.parameters().empty()) return "an expert without parameters learns nothing";
  std::set<std::string> names;
  for (const Parameter& p : bank.parameters()) {
    if (!names.insert(p.name).second) return "two parameters are named " + p.name;
    if (p.value.shape().rank() == 0 || p.value.dim(0) != E)
      return fmt::format("{} has the shape {}, not [{} experts, ...]", p.name,
                         p.value.shape().to_string(), E);
  }
  return {};
}

// Returns "" if a pass over these rows is finite.
std::string trouble(const Bank& bank, const Rows& rows) {
  Tape tape;
  Tensor y;
  {
    const Tape::Scope scope(&tape);
    y = bank.apply(rows);
  }
  if (y.shape() != rows.x.shape())
    return fmt::format("rows {} become {}", rows.x.shape().to_string(), y.shape().to_string());
  if (!finite(y.to_host())) return "the output is not finite";
  for (const Parameter& p : bank.parameters()) p.value.clear_gradient();
  rows.x.clear_gradient();
  tape.backward(y, Tensor::full(y.shape(), 1, y.backend()));
  for (const Parameter& p : bank.parameters())
    if (!finite(gradient_of(p.value))) return "the gradient of " + p.name + " is not finite";
  return finite(gradient_of(rows.x)) ? "" : "the gradient of the rows is not finite";
}

}  // namespace

Item check_stack(const Subject& subject) {
  Bank bank(subject, small_sites(true));
  if (std::string what = trouble(bank); !what.empty()) return {{}, Verdict::fail, what};
  ExpertSite one = bank.site(), wide = bank.site();
  one.experts = 1, wide.hidden *= 3;
  const index each = bank.expert().parameters_per_expert();
  const Bank single(subject, one), wider(subject, wide);
  if (std::string what = trouble(single); !what.empty())
    return {{}, Verdict::fail, "a bank of one expert: " + what};
  if (const index alone = count(single.parameters()); alone != each)
    return {{},
            Verdict::fail,
            fmt::format("an expert has {} values in a bank of {} and {} in one of its own", each,
                        bank.site().experts, alone)};
  const index more = wider.expert().parameters_per_expert();
  if (more < each)
    return {{},
            Verdict::fail,
            fmt::format("{} values an expert at hidden width {}, but {} at {}", each,
                        bank.site().hidden, more, wide.hidden)};
  return {{},
          Verdict::pass,
          fmt::format("{} values an expert{}", each, more == each ? ", hidden ignored" : "")};
}

Item check_expert_state(const Subject& subject) {
  Bank bank(subject, small_sites(true));
  if (bank.buffers().empty()) return {{}, Verdict::none, "no buffers"};
  for (const Parameter& buffer : bank.buffers()) {
    const std::vector<real> before = buffer.value.to_host();
    if (!finite(before)) return {{}, Verdict::fail, buffer.name + " is not finite at the start"};
    bank.apply(bank.rows(1, uneven(bank.site().experts)));
    if (buffer.value.to_host() != before)
      return {{}, Verdict::fail, "apply() changes " + buffer.name};
  }
  return {{}, Verdict::pass, "finite, unchanged"};
}

Item check_expert_edges(const Subject& subject) {
  int cases = 0;
  std::vector<std::string> failures;
  const auto attempt = [&](const char* name, Bank& bank, const Rows& rows) {
    std::string what;
    try {
      what = trouble(bank, rows);
    } catch (const std::exception& error) {
      what = error.what();
    }
    ++cases;
    if (!what.empty()) failures.push_back(fmt::format("{}: {}", name, what));
  };
  Bank bank(subject, small_sites(true));
  const auto E = static_cast<std::size_t>(bank.site().experts);
  Loads loads(E, 0);
  attempt("no rows", bank, bank.rows(1, loads));
  loads.back() = 1;
  attempt("one row", bank, bank.rows(1, loads));
  loads.back() = 0, loads.front() = 300;
  attempt("all rows with one expert", bank, bank.rows(1, loads));
  attempt("padding rows", bank, bank.rows(1, uneven(bank.site().experts), 3));
  Rows rows = bank.rows(1, Loads(E, 2));
  rows.x.from_host(std::vector<real>(static_cast<std::size_t>(rows.x.size()), 1));
  attempt("equal rows", bank, rows);
  rows.x.from_host(std::vector<real>(static_cast<std::size_t>(rows.x.size()), 0));
  attempt("rows of zeros", bank, rows);
  rows.x.from_host(normals(1, "large", rows.x.size(), 1e3));
  attempt("rows a thousand times as large", bank, rows);
  rows = bank.rows(1, Loads(E, 2));
  for (const Parameter& p : bank.parameters())
    p.value.from_host(std::vector<real>(static_cast<std::size_t>(p.value.size()), 0));
  attempt("weights of zeros", bank, rows);
  ExpertSite one = bank.site();
  one.experts = 1;
  Bank single(subject, one);
  attempt("a bank of one expert", single, single.rows(1, {5}));
  if (!failures.empty()) return {{}, Verdict::fail, joined(failures, "; ")};
  return {{}, Verdict::pass, fmt::format("{} finite", cases)};
}

Certificate certify_expert(const Subject& subject) {
  { const Bank made(subject, small_sites(true)); }  // throws if it cannot be built
  Certificate certificate;
  certificate.subject = subject;
  Checks checks(certificate.items);
  checks.add("stack", true, [&] { return check_stack(subject); });
  checks.add("state", true, [&] { return check_expert_state(subject); });
  checks.add("gradient", false, [&] { return check_expert_gradient(subject, certificate); });
  checks.add("paths", false, [&] { return check_expert_paths(subject); });
  checks.add("rows", false, [&] { return check_rows(subject); });
  checks.add("experts", false, [&] { return check_experts(subject); });
  checks.add("merged", false, [&] { return check_merged(subject); });
  checks.add("cost", false, [&] { return check_cost(subject); });
  checks.add("threads", false, [&] { return check_expert_threads(subject); });
  checks.add("edges", false, [&] { return check_expert_edges(subject); });
  return certificate;
}

}  // namespace moesim::certificate
