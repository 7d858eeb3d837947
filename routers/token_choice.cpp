// Token choice: every token takes its k best experts (Shazeer et al. 2017; Lepikhin et al. 2021;
// Fedus et al. 2022; Riquelme et al. 2021; Jiang et al. 2024). One router with the axes on which
// the published variants differ.
//
//   logits l = x W          h = l (+ noise)        p = softmax(h)
//   chosen: the k largest h; gate: p of the chosen, renormalised or not; a choice without room at
//   its expert is dropped.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/router.hpp"
#include "sim/moe/variants.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

constexpr double kLarge = 1e6;

class TokenChoice : public Router {
 public:
  TokenChoice(const Site& site, Options& o)
      : D_(site.width), E_(site.experts), length_(std::max<index>(1, site.length)) {
    k_ = o.integer("k", 1, {1, E_}, "experts per token");
    const std::string softmax_at =
        o.choice("softmax", "before", {"before", "after"},
                 "softmax over all experts before selection, or over the chosen after it");
    softmax_after_ = softmax_at == "after";
    normalise_ = o.choice("normalise", "auto", {"auto", "none", "sum", "l2"},
                          "divide the gates of a token by their sum or norm, before drops; auto: "
                          "none for k = 1, else sum");
    // A single gate divided by itself is 1, whatever the logits: the router would never learn.
    if (normalise_ == "auto") normalise_ = k_ == 1 ? "none" : "sum";
    epsilon_ = o.number("normalise_epsilon", 0, {0, 1}, "added to the divisor");

    low_ = o.choice("precision", "float32", {"float32", "bfloat16"},
                    "of input, weights, logits, probabilities and gates; bfloat16 rounds each, "
                    "which is less stable") == "bfloat16";

    train_.factor = o.number("capacity_factor", 1.25, {0, kLarge},
                             "places per expert over an equal share, in training; 0: no limit");
    const double factor_eval =
        o.number("capacity_factor_eval", 2.0, {0, kLarge}, "the same in evaluation");
    train_.rounding = rounding_of(o.choice("capacity_rounding", "ceil", {"ceil", "floor", "round"},
                                           "of places to whole rows"));
    train_.per_choice = o.flag("capacity_per_choice", true, "places grow with k");
    train_.minimum = o.integer("capacity_min", 0, {0, 1 << 30}, "at least this many places");
    train_.multiple =
        o.integer("capacity_multiple", 1, {1, 1 << 20}, "rounded up to a multiple of this");
    train_.absolute = o.integer("capacity", 0, {0, 1 << 30},
                                "this many places, instead of the factor; 0: by the factor");
    eval_ = train_;
    eval_.factor = factor_eval;
    group_batch_ = o.choice("group", "sequence", {"sequence", "batch"},
                            "which tokens share the places") == "batch";
    const std::string fill =
        o.choice("fill", site.causal ? "token" : "choice", {"token", "choice", "priority"},
                 "who gets places: token by token; all first choices first; by score, BPR");
    order_ = fill == "token" ? Order::token : fill == "choice" ? Order::choice : Order::score;
    dropped_input_ = o.choice("dropped", "zero", {"zero", "input"},
                              "what a token without any place gets: nothing, or its own input "
                              "times its first gate") == "input";

    second_ = o.choice("second", "all", {"all", "none", "threshold", "random"},
                       "which second and later choices stand: all; none; gate > threshold; with "
                       "chance gate / threshold");
    second_eval_ = o.choice("second_eval", "all", {"all", "none", "threshold", "random"},
                            "the same in evaluation");
    threshold_ = o.number("second_threshold", 0.2, {1e-6, 1}, "for second = threshold or random");

    noise_ =
        o.choice("noise", "none", {"none", "learned", "gaussian"},
                 "on the logits in training: softplus(x W_n) + noise_epsilon (Shazeer), or fixed");
    noise_epsilon_ =
        o.number("noise_epsilon", 0.01, {0, 10}, "least deviation of the learned noise");
    noise_std_ = o.number("noise_std", 1, {0, 100},
                          "deviation of the gaussian noise, divided by the number of experts");
    jitter_ = o.number("jitter", 0, {0, 1},
                       "the router's input times U(1 - jitter, 1 + jitter) in training");

    balance_ = o.number("balance_weight", 0.01, {0, kLarge},
                        "of the load balance loss E/k Σ f P, 1 at balance");
    balance_counted_ = o.choice("balance_counted", "all", {"all", "first"},
                                "f counts all choices, or the first") == "first"
                           ? Counted::first
                           : Counted::all;
    balance_batch_ = o.choice("balance_group", "batch", {"batch", "sequence"},
                              "the loss over the batch, or per sequence") == "batch";
    importance_ =
        o.number("importance_weight", 0, {0, kLarge}, "of CV² of the experts' summed gates");
    load_ = o.number("load_weight", 0, {0, kLarge}, "of CV² of the smooth load; needs noise");
    z_ = o.number("z_weight", 0, {0, kLarge}, "of the router z-loss");
    variance_ = o.choice("cv_variance", "population", {"population", "sample"},
                         "variance in CV²") == "sample"
                    ? Variance::sample
                    : Variance::population;

    const bool constant =
        o.flag("allow_constant_gate", false,
               "keep k = 1 with gates that are always 1, to study the dead router");
    if (softmax_after_ && (normalise_ == "l2" || epsilon_ > 0))
      o.reject(normalise_ == "l2" ? "normalise" : "normalise_epsilon",
               "has no effect with softmax = after, whose gates sum to 1; leave it out");
    if (k_ == 1 && (softmax_after_ || normalise_ != "none") && !constant)
      o.reject(softmax_after_ ? "softmax" : "normalise",
               "with k = 1 the gate is always 1 and the router gets no gradient from the task; set "
               "softmax = before and "
               "normalise = none, or allow_constant_gate = true to study it");
    if (load_ > 0 && noise_ == "none")
      o.reject("load_weight", "the load loss needs noise = learned or gaussian");
    if (load_ > 0 && k_ >= E_) o.reject("load_weight", "the load loss needs k < moe.experts");
    if (variance_ == Variance::sample && E_ < 2)
      o.reject("cv_variance", "a sample variance needs two experts");

    // With capacity, later tokens can displace a choice unless places are given token by token.
    const bool displaced = order_ == Order::score || (order_ == Order::choice && k_ > 1);
    traits_ = {.experts = E_,
               .sees = {.later_tokens = limited() && displaced,
                        .other_sequences = limited() && group_batch_},
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(D_ * E_)},
               .capturable = true,
               .surrogate = low_};  // rounding has no derivative of its own

    // Fedus et al. 2022, section 2.4: a tenth of the usual scale. Shazeer et al. 2017: zeros, and
    // noise breaks the ties.
    weight_ = parameter("weight", {D_, E_},
                        noise_ == "learned"
                            ? Init::constant(0)
                            : Init::truncated_normal(std::sqrt(0.1 / static_cast<double>(D_))));
    if (noise_ == "learned") noise_weight_ = parameter("noise_weight", {D_, E_}, Init::constant(0));
  }

  double kept_values(index tokens) const override {
    // Of every token and expert: what all routers keep; noise, its deviation and the noisy logits;
    // the tails of the normal distribution that the load loss differentiates.
    const double noise = noise_ == "learned" ? 3 : noise_ == "gaussian" ? 1.5 : 0;
    const double each = 2 + noise + (load_ > 0 ? 3 : 0);
    return each * static_cast<double>(tokens) * static_cast<double>(E_);
  }

  Routing route(const Tokens& tokens) override {
    const Context& context = tokens.context;
    Backend& backend = tokens.x.backend();
    const index T = tokens.x.rows();
    Tensor input = tokens.x;
    if (context.training && jitter_ > 0) {
      const auto spread = static_cast<real>(jitter_);
      input = mul(input, context.uniform(Purpose::router_jitter, input.shape(), backend, 1 - spread,
                                         1 + spread));
    }
    // Fedus et al. 2022, table 2: a router wholly in bfloat16 diverges where a selective one does
    // not.
    const auto low = [this](const Tensor& x) { return low_ ? round_bfloat16(x) : x; };
    input = low(input);
    const Tensor logits = low(matmul(input, low(weight_)));  // [T, E]
    Tensor noisy = logits, deviation;
    if (context.training && noise_ != "none") {
      deviation =
          noise_ == "learned"
              ? affine(softplus(low(matmul(input, low(noise_weight_)))), 1,
                       static_cast<real>(noise_epsilon_))
              : Tensor::full({T, E_}, static_cast<real>(noise_std_ / static_cast<double>(E_)),
                             backend);
      noisy =
          low(add(logits, mul(deviation, context.normal(Purpose::router_noise, {T, E_}, backend))));
    }

    const Tensor scores = low(softmax(noisy));
    const Indices choice = top_k(noisy, k_);
    const Tensor gates = low(chosen_gates(noisy, scores, choice, T));
    const Indices standing = stand(choice, gates, context);
    const Capacity& capacity = context.training ? train_ : eval_;
    const index group = group_batch_ ? T : tokens.length();
    Tensor priority;
    if (order_ == Order::score)
      priority = pick(scores.detach(),
                      map_indices(choice, {.shape = {T, 1, 1}, .from = {k_}, .add = {E_}}));
    const index places = capacity.rows(group, k_, E_);
    const Indices kept = fill_capacity(standing, k_, E_, group, places, order_, priority);

    Routing routing;
    const index most = places > 0 ? T / group * E_ * places : T * k_;
    Assignment plan = assign(standing, kept, k_, E_, gates, most);
    if (dropped_input_) plan.bypass = bypass(plan, gates, T);
    routing.plan = plan;
    routing.scores = scores;
    add_losses(routing, tokens, logits, noisy, deviation, scores, choice, gates);
    return routing;
  }

  double expert_rows(index tokens) const override {
    const double asked = static_cast<double>(tokens) * static_cast<double>(k_);
    const index group = group_batch_ ? tokens : length_;
    const index places = train_.rows(group, k_, E_);
    if (places == 0) return asked;
    const double groups = static_cast<double>(tokens) / static_cast<double>(group);
    return std::min(asked, groups * static_cast<double>(E_) * static_cast<double>(places));
  }

 private:
  bool limited() const { return train_.factor > 0 || eval_.factor > 0 || train_.absolute > 0; }

  Tensor chosen_gates(const Tensor& noisy, const Tensor& scores, const Indices& choice,
                      index T) const {
    const Indices entries = entries_of(choice, k_, E_);
    if (softmax_after_) return softmax(pick(noisy, entries).reshape({T, k_}));
    const Tensor chosen = pick(scores, entries).reshape({T, k_});
    if (normalise_ == "none") return chosen;
    const auto epsilon = static_cast<real>(epsilon_);
    const Tensor divisor = normalise_ == "sum" ? sum_cols(chosen) : sqrt(sum_cols(square(chosen)));
    return div_column(chosen, epsilon > 0 ? affine(divisor, 1, epsilon) : divisor);
  }

  // The choices that stand after the policy for second choices; others become -1.
  Indices stand(const Indices& choice, const Tensor& gates, const Context& context) const {
    const std::string& policy = context.training ? second_ : second_eval_;
    if (k_ == 1 || policy == "all") return choice;
    const index T = choice.size() / k_;
    Backend& backend = choice.backend();
    // Places of a token's k choices among the first choices, and among draws for the others.
    std::vector<std::int32_t> in_first(static_cast<std::size_t>(k_), -1), in_draws = in_first;
    in_first[0] = 0;
    std::iota(in_draws.begin() + 1, in_draws.end(), 0);
    const auto places = [&](const std::vector<std::int32_t>& of_token, index stride) {
      return map_indices(Indices::of(of_token, backend),
                         {.shape = {T, k_, 1}, .from = {0, 1}, .add = {stride}});
    };
    const Indices first = look_up(choice, places(in_first, k_));
    if (policy == "none") return first;
    const auto limit = static_cast<real>(threshold_);
    if (policy == "threshold")
      return where_less(Tensor::full(gates.shape(), limit, backend), gates, choice, first);
    const Tensor u = context.uniform(Purpose::second_choice, {T, k_ - 1}, backend);
    return where_less(pick(u, places(in_draws, k_ - 1)), affine(gates.detach(), 1 / limit), choice,
                      first);
  }

  // First gate where nothing was kept, else 0.
  Tensor bypass(const Assignment& plan, const Tensor& gates, index T) const {
    Backend& backend = gates.backend();
    std::vector<std::int32_t> none(static_cast<std::size_t>(k_ + 1), -1);
    none[0] = 0;
    const Indices unkept = look_up(Indices::of(none, backend), histogram(plan.token, T));
    return pick(gates, map_indices(unkept, {.shape = {T, 1, 1}, .from = {1}, .add = {k_}}));
  }

  void add_losses(Routing& routing, const Tokens& tokens, const Tensor& logits, const Tensor& noisy,
                  const Tensor& deviation, const Tensor& scores, const Indices& choice,
                  const Tensor& gates) const {
    const auto add = [&](const char* name, double weight, const Tensor& value) {
      routing.losses.push_back({name, static_cast<real>(weight), value});
    };
    const index sequences = tokens.batch();
    const Tensor clean = deviation && noise_ == "gaussian" ? softmax(logits) : scores;
    if (balance_ > 0)
      add("balance", balance_,
          balance_loss(clean, choice, k_, balance_counted_, balance_batch_ ? 1 : sequences));
    if (importance_ > 0) {
      if (noise_ == "learned")
        add("importance", importance_, importance_loss(at_experts(gates, choice), 1, variance_));
      else
        add("importance", importance_,
            importance_loss(clean, group_batch_ ? 1 : sequences, variance_));
    }
    if (load_ > 0 && deviation)
      add("load", load_, load_loss(logits, noisy, deviation, k_, variance_));
    if (z_ > 0) add("z", z_, z_loss(logits));
  }

  // The gates [T, k] at the places of their experts, [T, E], zeros elsewhere.
  Tensor at_experts(const Tensor& gates, const Indices& choice) const {
    const index n = choice.size(), T = n / k_;
    return combine_rows(gates.reshape({n, 1}), {}, entries_of(choice, k_, E_), T * E_)
        .reshape({T, E_});
  }

  index D_, E_, length_, k_ = 1;
  bool low_ = false, softmax_after_ = false, group_batch_ = false, dropped_input_ = false,
       balance_batch_ = true;
  std::string normalise_, second_, second_eval_, noise_;
  double epsilon_ = 0, threshold_ = 0.2, noise_epsilon_ = 0, noise_std_ = 0, jitter_ = 0;
  double balance_ = 0, importance_ = 0, load_ = 0, z_ = 0;
  Capacity train_, eval_;
  Order order_ = Order::token;
  Counted balance_counted_ = Counted::all;
  Variance variance_ = Variance::population;
  Tensor weight_, noise_weight_;  // [D, E]
};

const Registered<Router> token_choice(
    "token_choice",
    "every token takes its k best experts: Switch, GShard, Mixtral, V-MoE, noisy top-k",
    [](const Site& site, Options& options) {
      return std::make_unique<TokenChoice>(site, options);
    });

const Variants variants(
    "token_choice",
    {{"dropless", "capacity_factor=0 capacity_factor_eval=0 jitter=0.1 z_weight=0.01"},
     {"top-2", "k=2 normalise=sum capacity_factor=0.5 capacity_factor_eval=0.5 second=threshold"},
     {"gshard", "k=2 fill=choice capacity_factor=0.5 second=random second_eval=random"},
     {"priority", "k=2 fill=priority capacity_factor=0.5 capacity_rounding=floor dropped=input"},
     {"l2", "k=2 normalise=l2 normalise_epsilon=1e-6 second_eval=threshold second_threshold=0.5"},
     {"balance", "k=2 normalise=none balance_counted=first balance_group=sequence"},
     {"shazeer", "k=2 noise=learned noise_epsilon=0.02 balance_weight=0 load_weight=0.1"},
     {"v-moe", "k=2 noise=gaussian noise_std=2 importance_weight=0.1 load_weight=0.1"},
     {"sample", "k=2 noise=learned importance_weight=0.1 cv_variance=sample"},
     {"softmax after", "k=3 softmax=after capacity=3 fill=token second=none second_eval=none"},
     {"places", "k=2 capacity_factor=0.4 capacity_min=2 capacity_multiple=2"},
     {"batch", "k=2 group=batch fill=choice capacity_factor=0.3 capacity_per_choice=false"},
     {"low", "precision=bfloat16 capacity_factor=0"},
     {"constant", "k=2 allow_constant_gate=true capacity_rounding=round"}});

}  // namespace
}  // namespace moesim
