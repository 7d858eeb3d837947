#include "sim/certify/certificate.hpp"

#include "sim/certify/bank.hpp"
#include "sim/certify/specimen.hpp"

#include <algorithm>

namespace moesim {

using namespace certificate;

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::none:
      return "n/a";
    case Verdict::pass:
      return "pass";
    case Verdict::warn:
      return "WARN";
    case Verdict::incomplete:
      return "incomplete";
    case Verdict::fail:
      return "FAIL";
  }
  return "unknown";
}

Verdict Certificate::verdict() const {
  Verdict worst = Verdict::none;
  for (const Item& item : items) worst = std::max(worst, item.verdict);
  return worst;
}

const Item& Certificate::item(std::string_view name) const {
  for (const Item& item : items)
    if (item.name == name) return item;
  fail_in("Certificate", "no item '" + std::string(name) + "'");
}

Certificate certify(const Subject& subject) {
  if (subject.router.empty()) return certify_expert(subject);
  { const Specimen made(subject, small_sites(subject.causal)); }  // throws if it cannot be built
  Certificate certificate;
  certificate.subject = subject;
  Checks checks(certificate.items);
  checks.add("state", true, [&] { return check_state(subject); });
  checks.add("conservation", true, [&] { return check_conservation(subject); });
  checks.add("gradient", false, [&] { return check_gradient(subject, certificate); });
  checks.add("paths", false, [&] { return check_paths(subject); });
  checks.add("sees", false, [&] { return check_sees(subject, certificate); });
  checks.add("equivariance", false, [&] { return check_equivariance(subject); });
  checks.add("threads", false, [&] { return check_threads(subject); });
  checks.add("edges", false, [&] { return check_edges(subject); });
  return certificate;
}

std::vector<OptionInfo> options_of(const Subject& subject) {
  return make(subject, small_sites(subject.causal)).options;
}

}  // namespace moesim
