#include "sim/model/decoder.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

std::string reason_for_whole_windows(const Transformer& model, Rules rules) {
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const MoeLayer& layer = model.moe_layer(i);
    const Traits& traits = layer.router().traits();
    const std::string where =
        fmt::format("block {}: router.name = {}", model.moe_blocks()[i], model.config().router);
    if (traits.reroutes == Reroutes::always)
      return where + " may route a token by later tokens, or by their number";
    if (traits.reroutes == Reroutes::by_capacity && rules != Rules::dropless)
      return where + " has a capacity, by which a new token may reroute earlier ones";
    if (layer.expert().attends() && traits.cost.rows_per_token > 0)
      return fmt::format("block {}: expert.name = {} attends without a cache",
                         model.moe_blocks()[i], model.config().expert);
  }
  return {};
}

Decoder::Decoder(Transformer& model, index length, index texts, Backend& backend,
                 const Decoding& how)
    : model_(model),
      backend_(backend),
      length_(length),
      texts_(static_cast<std::size_t>(texts)),
      domains_(how.domains),
      whole_windows_(how.cached ? reason_for_whole_windows(model, how.rules) : "the cache is off") {
  context_.rules = how.rules;
  if (!domains_.empty() && domains_.size() != texts_.size())
    fail_in("decoder", fmt::format("{} domains for {} texts", domains_.size(), texts_.size()));
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const Traits& traits = model.moe_layer(i).router().traits();
    alone_ = alone_ || (traits.reroutes != Reroutes::never && traits.sees.other_sequences);
  }
  if (whole_windows_.empty()) past_.emplace(texts, length);
}

std::vector<real> Decoder::extend(const std::vector<std::int32_t>& ids) {
  const std::size_t n = ids.size() / texts_.size();
  if (n == 0 || n * texts_.size() != ids.size())
    fail_in("decoder",
            fmt::format("{} tokens for {} texts: give every text the same number, at least one",
                        ids.size(), texts_.size()));
  context_.generating = texts_.front().empty() ? Generating::prompt : Generating::continuation;
  for (std::size_t b = 0; b < texts_.size(); ++b) {
    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(b * n);
    texts_[b].insert(texts_[b].end(), from, from + static_cast<std::ptrdiff_t>(n));
  }
  if (static_cast<index>(texts_.front().size()) > length_) past_.reset();
  if (!past_) return pass_over_windows();
  std::vector<real> logits = pass(ids, 0, static_cast<index>(texts_.size()), &*past_);
  past_->length += static_cast<index>(n);
  return logits;
}

std::vector<real> Decoder::pass_over_windows() {
  std::vector<std::int32_t> ids;
  std::vector<real> logits;
  for (std::size_t b = 0; b < texts_.size(); ++b) {
    const std::vector<std::int32_t>& text = texts_[b];
    const auto window = std::min(length_, static_cast<index>(text.size()));
    ids.insert(ids.end(), text.end() - window, text.end());
    if (!alone_) continue;
    const std::vector<real> own = pass(ids, b, 1, nullptr);
    logits.insert(logits.end(), own.begin(), own.end());
    ids.clear();
  }
  return alone_ ? logits : pass(ids, 0, static_cast<index>(texts_.size()), nullptr);
}

// One forward pass over equally many tokens of some texts, from number `first` on. -> logits after
// the last ones
std::vector<real> Decoder::pass(const std::vector<std::int32_t>& ids, std::size_t first,
                                index texts, Past* past) {
  context_.past = past;
  const index n = static_cast<index>(ids.size()) / texts;
  ModelInput input{texts, n, Indices::of(ids, backend_), {}};
  if (!domains_.empty()) {
    std::vector<std::int32_t> domains;
    for (std::size_t b = first; b < first + static_cast<std::size_t>(texts); ++b)
      domains.insert(domains.end(), static_cast<std::size_t>(n), domains_[b]);
    input.domains = Indices::of(domains, backend_);
  }
  std::vector<Loss> losses;
  const std::vector<real> all = model_.forward(input, context_, losses).to_host();
  const auto outputs = static_cast<std::ptrdiff_t>(all.size()) / (texts * n);
  std::vector<real> last;
  for (index b = 0; b < texts; ++b) {
    const auto end = all.begin() + (b + 1) * n * outputs;
    last.insert(last.end(), end - outputs, end);
  }
  return last;
}

}  // namespace moesim
