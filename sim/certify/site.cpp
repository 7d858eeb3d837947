#include "sim/certify/site.hpp"

#include <map>
#include <sstream>
#include <string>

namespace moesim::certificate {
namespace {

constexpr index kHidden = 5;

void set_all(Settings& settings, const std::string& section, const std::string& text) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos)
      fail(Exit::usage, "settings of " + section + ": expected key=value, not '" + word + "'");
    settings.set(section + "." + word.substr(0, equals), word.substr(equals + 1), "settings");
  }
}

std::string router_section(const Subject& subject) { return "router." + subject.router; }
std::string expert_section(const Subject& subject) { return "expert." + subject.expert; }

Settings settings_of(const Subject& subject) {
  Settings settings;
  if (!subject.router.empty()) set_all(settings, router_section(subject), subject.settings);
  set_all(settings, expert_section(subject), subject.expert_settings);
  for (const auto& [key, value] : subject.given) settings.set(key, value, "command line");
  return settings;
}

std::unique_ptr<Expert> expert_of(const Subject& subject, const ExpertSite& site,
                                  Settings& settings) {
  Options options(settings, expert_section(subject));
  const Expert::Make& make =
      subject.make_expert ? subject.make_expert : Registry<Expert>::find(subject.expert).make;
  return make(site, options);
}

// Sets the sizes that the command line gives.
void read_sizes(const Subject& subject, Settings& settings, Made& made) {
  Site& site = made.site;
  Options model(settings, "model"), moe(settings, "moe"), expert(settings, "expert");
  site.width = model.integer("width", site.width, {2, 256}, "of tokens");
  site.experts = moe.integer("experts", site.experts, {1, 64}, "experts");
  made.expert_site.hidden = expert.integer("hidden", kHidden, {0, 1024},
                                           "hidden width of an expert; 0: four times model.width");
  if (made.expert_site.hidden == 0) made.expert_site.hidden = 4 * site.width;
  expert.choice("name", subject.expert, {subject.expert}, "expert plug-in");
  if (subject.router.empty()) return;
  Options data(settings, "data"), train(settings, "train"), task(settings, "task");
  Options router(settings, "router");
  router.choice("name", subject.router, {subject.router}, "the router");
  site.length = data.integer("length", site.length, {1, 256}, "tokens of a sequence");
  site.batch = train.integer("batch", site.batch, {1, 64}, "sequences of a batch");
  site.causal =
      task.choice("name", site.causal ? "causal_lm" : "masked_lm",
                  {"causal_lm", "masked_lm", "classification"}, "prediction task") == "causal_lm";
}

Made make_on(const Subject& subject, const Site& site) {
  Settings settings = settings_of(subject);
  Made made{site, nullptr, nullptr, {}, {}};
  read_sizes(subject, settings, made);
  const std::string own =
      subject.router.empty() ? expert_section(subject) : router_section(subject);
  made.expert_site.width = made.site.width, made.expert_site.experts = made.site.experts;
  if (!subject.router.empty()) {
    Options options(settings, router_section(subject));
    const Router::Make& make =
        subject.make ? subject.make : Registry<Router>::find(subject.router).make;
    made.router = make(made.site, options);
    made.expert_site.experts = made.router->traits().experts;
    made.expert_site.hidden *= made.router->traits().width_factor;
  }
  made.expert = expert_of(subject, made.expert_site, settings);
  for (const auto& [key, info] : settings.declared())
    if (key.rfind(own + ".", 0) == 0) made.options.push_back(info);
  std::map<std::string, std::vector<std::string>> dormant{{expert_section(subject), {}}};
  if (made.router) dormant[router_section(subject)];
  settings.check_all_read(dormant);
  return made;
}

Sites with_causal(Sites sites, bool causal) {
  for (Site& site : sites) {
    site.causal = causal;
    site.vocabulary = 11, site.domains = 3;
    site.unigram = {90, 70, 50, 40, 30, 20, 10, 5, 2, 1, 0};
  }
  return sites;
}

Site sized(index width, index experts, index batch, index length) {
  Site site;
  site.width = width, site.experts = experts, site.batch = batch, site.length = length;
  return site;
}

Sites united(Sites first, const Sites& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

Sites small_sites(bool causal) {
  return with_causal({sized(6, 4, 4, 8), sized(8, 4, 4, 8), sized(12, 4, 12, 12),
                      sized(16, 8, 4, 16), sized(32, 16, 4, 32)},
                     causal);
}

Sites long_sites(bool causal) {
  return united(with_causal({sized(6, 4, 2, 48), sized(8, 4, 4, 48), sized(12, 4, 12, 48),
                             sized(16, 8, 4, 48), sized(32, 16, 4, 48)},
                            causal),
                small_sites(causal));
}

Sites odd_sites(bool causal) {
  return united(with_causal({sized(6, 4, 4, 9), sized(7, 4, 4, 11)}, causal), small_sites(causal));
}

Sites large_sites(bool causal) {
  return united(with_causal({sized(50, 4, 8, 96), sized(64, 4, 8, 64), sized(60, 4, 12, 60),
                             sized(64, 8, 8, 64), sized(64, 16, 8, 64)},
                            causal),
                small_sites(causal));
}

bool is_large(const Site& site) { return site.batch * site.length >= 512 && site.width >= 50; }

Made make(const Subject& subject, const Sites& sites) {
  for (std::size_t i = 0; i + 1 < sites.size(); ++i) try {
      return make_on(subject, sites[i]);
    } catch (const Error&) {
      // Tries the next site.
    }
  return make_on(subject, sites.back());
}

std::unique_ptr<Expert> make_expert(const Subject& subject, const ExpertSite& site) {
  Settings settings = settings_of(subject);
  return expert_of(subject, site, settings);
}

}  // namespace moesim::certificate
