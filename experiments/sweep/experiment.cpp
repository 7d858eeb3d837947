#include "experiments/sweep/experiment.hpp"

#include "experiments/sweep/version.hpp"
#include "sim/config/source_runs.hpp"
#include "sim/config/text.hpp"
#include "sim/core/checked.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"
#include "sim/data/root.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>

namespace moesim {
namespace {

// Sections of plug-ins that this run does not use, so that one file can sweep over routers and set
// options of each. They may contain the options that the plug-in would read. The options of a
// plug-in that cannot be built here are not checked.
template <class Plugin, class MakeSite>
void add_dormant(std::map<std::string, std::vector<std::string>>& dormant, const std::string& kind,
                 const std::string& used, const Settings& settings, const MakeSite& site) {
  for (const auto& [name, plugin] : Registry<Plugin>::all()) {
    if (name == used) continue;
    const std::string section = kind + "." + name, prefix = section + ".";
    const bool mentioned =
        std::any_of(settings.values().begin(), settings.values().end(),
                    [&](const auto& entry) { return entry.first.rfind(prefix, 0) == 0; });
    if (!mentioned) continue;
    Settings scratch;
    Options options(scratch, section);
    std::vector<std::string>& known = dormant[section];
    try {
      plugin.make(site, options);
      for (const auto& [key, info] : scratch.declared()) known.push_back(key.substr(prefix.size()));
    } catch (const Error&) {
      // Its defaults are invalid for this site, so it may not have declared all options: skip it.
      for (const auto& [key, setting] : settings.values())
        if (key.rfind(prefix, 0) == 0) known.push_back(key.substr(prefix.size()));
    }
  }
}

// Rejects options that are each in range but whose product is too large.
void check_sizes(Settings& settings, const Trainer& trainer, const Transformer& model,
                 index length) {
  checked_product({trainer.steps(), trainer.batch(), length},
                  "run.steps x train.batch x data.length, the tokens of the training");
  // Tokens, assignments and rows have 32-bit indices.
  constexpr double kMost = 2147483647;
  const index batch = trainer.batch() / trainer.accumulate();
  const double tokens = static_cast<double>(batch) * static_cast<double>(length);
  double most = tokens;
  for (std::size_t i = 0; i < model.moe_blocks().size() && tokens <= kMost; ++i) {
    const Router& router = model.moe_layer(i).router();
    const auto all = static_cast<index>(tokens);
    most = std::max(
        {most, tokens * static_cast<double>(router.traits().experts), router.expert_rows(all)});
  }
  if (most > kMost)
    Options(settings, "train")
        .reject("batch", fmt::format("a micro-batch of {} sequences of {} positions has {:.3g} "
                                     "pairs of token and expert, or rows of experts, and at most "
                                     "2147483647 can be numbered; raise train.accumulate, or lower "
                                     "data.length or what the experts are given",
                                     batch, length, most));
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  char text[64] = "unknown";  // kept if the year is out of range
  if (::gmtime_r(&now, &parts) != nullptr)
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// The largest receptive field of any layer.
Sees most_seen(const Transformer& model) {
  Sees most;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const Sees sees = model.moe_layer(i).router().traits().sees;
    most.later_tokens |= sees.later_tokens, most.other_sequences |= sees.other_sequences;
  }
  return most;
}

// Number of parameter values that are not frozen.
index trained(const Trainer& trainer) {
  index values = 0;
  for (const Parameter& p : trainer.parameters())
    if (!p.frozen) values += p.value.size();
  return values;
}

// Computes the identity of a run.
void identify(Experiment& e) {
  e.identity.resolved = without_root(e.spec.settings.resolved());
  e.identity.config_sha256 = sha256_hex(e.identity.resolved.data(), e.identity.resolved.size());
  e.identity.data_sha256 = e.data->info().sha256;
  e.identity.folder =
      run_folder_name(e.spec, std::to_string(e.run.seed),
                      identity_hash(e.identity.config_sha256, e.identity.data_sha256));
}

// `make_data` returns the data set and reads its options.
using MakeData = std::function<std::shared_ptr<const Dataset>(Settings&)>;
Experiment build_on(RunSpec spec, int threads, const MakeData& make_data, MakeBackend make,
                    std::map<std::string, std::vector<std::string>> dormant);

}  // namespace

std::string identity_hash(const std::string& config_sha256, const std::string& data_sha256) {
  const std::string both =
      config_sha256 + data_sha256 + (number_bytes() == sizeof(double) ? "F64" : "");
  return sha256_hex(both.data(), both.size()).substr(0, 8);
}

Experiment build(RunSpec spec, int threads, DataCache& cache, MakeBackend make) {
  const MakeData make_data = [&](Settings& settings) { return cache.get(settings); };
  fix_source_runs(spec.settings);
  Experiment e = build_on(std::move(spec), threads, make_data, make, {});
  e.identity.root = fix_root(e.spec.settings);
  identify(e);
  describe(e);
  return e;
}

Experiment build_stored(RunSpec spec, int threads, std::shared_ptr<const Dataset> data,
                        MakeBackend make) {
  std::map<std::string, std::vector<std::string>> unread;
  for (const auto& [key, setting] : spec.settings.values())
    if (config::section_of(key) == "data") unread["data"].push_back(config::short_key(key));
  return build_on(
      std::move(spec), threads, [&](Settings&) { return data; }, make, unread);
}

namespace {

Experiment build_on(RunSpec spec, int threads, const MakeData& make_data, MakeBackend make,
                    std::map<std::string, std::vector<std::string>> dormant) {
  Experiment e;
  e.spec = std::move(spec);
  Settings& settings = e.spec.settings;
  e.run = read_run_config(settings);
  e.backend = make(e.run.device, threads);
  e.backend->set_compute(e.run.compute);
  e.data = make_data(settings);
  Options task_options(settings, "task");
  e.task = make_task(task_options, e.data->info());

  const ModelShape shape = e.task->shape();
  Site site;
  site.batch = Trainer::micro_batch(settings);
  site.evaluation_batch = Evaluator::batch_of(settings);
  site.length = shape.length;
  site.causal = shape.causal;
  site.vocabulary = shape.vocabulary;
  site.domains = static_cast<index>(e.data->info().domains.size());
  site.unigram = e.data->info().unigram;
  if (!site.unigram.empty())
    site.unigram.resize(
        static_cast<std::size_t>(shape.vocabulary));  // the mask token does not occur in the data
  e.model = std::make_unique<Transformer>(shape, site, settings);
  e.trainer =
      std::make_unique<Trainer>(settings, *e.data, *e.task, *e.model, *e.backend, e.run.seed);

  const ModelConfig& config = e.model->config();
  site.width = config.width, site.experts = config.experts;
  add_dormant<Router>(dormant, "router", config.router, settings, site);
  add_dormant<Expert>(dormant, "expert", config.expert, settings, ExpertSite{site.width, 1, 1, 1});
  e.recorder = std::make_unique<Recorder>(
      settings, e.data->info(), *e.model, e.trainer->batch() * shape.length,
      e.trainer->evaluator().from(), e.trainer->evaluator().also());
  e.checkpointer = std::make_unique<Checkpointer>(settings, *e.trainer, *e.recorder);
  settings.check_all_read(dormant);
  check_sizes(settings, *e.trainer, *e.model, site.length);
  return e;
}

}  // namespace

void describe(Experiment& e) {
  RunFile& file = e.recorder->file();
  const DatasetInfo& data = e.data->info();
  file.attribute("moesim_schema", kRunFileSchema);
  file.attribute("run_id", e.identity.folder);
  file.attribute("status", std::string("running"));
  file.attribute("experiment", e.run.name);
  file.attribute("arm", e.spec.label);
  file.attribute("router", e.model->config().router);
  file.attribute("seed", static_cast<std::int64_t>(e.run.seed));
  file.attribute("sees", to_string(most_seen(*e.model)));
  file.attribute("causal", std::int64_t{e.task->shape().causal});
  file.attribute("parameters_total", static_cast<std::int64_t>(count(e.model->parameters())));
  file.attribute("parameters_trained", static_cast<std::int64_t>(trained(*e.trainer)));
  file.attribute("parameters_active", static_cast<std::int64_t>(e.model->active_parameters()));
  file.attribute("flops_per_token", e.model->flops_per_token());
  file.attribute("expert_hidden", static_cast<std::int64_t>(e.model->expert_hidden()));
  file.attribute("match", name_of<Match>(kMatches, e.model->config().match));
  file.attribute("validation_sequences", static_cast<std::int64_t>(data.validation_rows));
  file.attribute("loss_unit", std::string("nats per token"));
  file.attribute("uniform_loss", std::log(static_cast<double>(e.task->shape().outputs)));
  if (!data.note.empty()) file.attribute("data_note", data.note);
  if (data.unknown_train >= 0) {
    file.attribute("unknown_train", data.unknown_train);
    file.attribute("unknown_validation", data.unknown_validation);
    file.attribute("unknown_characters", data.unknown_characters);
  }
  if (const DocumentInfo& documents = data.documents; documents.documents > 0) {
    file.attribute("documents", static_cast<std::int64_t>(documents.documents));
    file.attribute("documents_dropped", static_cast<std::int64_t>(documents.dropped));
    if (documents.chains > 0)
      file.attribute("document_chains", static_cast<std::int64_t>(documents.chains));
    if (documents.similarity >= 0) {
      file.attribute("document_similarity", documents.similarity);
      file.attribute("document_similarity_random", documents.random_similarity);
    }
    if (documents.window_similarity >= 0) {
      file.attribute("window_similarity", documents.window_similarity);
      file.attribute("window_similarity_random", documents.random_window_similarity);
    }
    if (documents.one_domain >= 0) file.attribute("windows_one_domain", documents.one_domain);
  }
  if (data.bytes_per_token > 0 && e.task->shape().causal)
    file.attribute("bytes_per_token", data.bytes_per_token);
  if (data.bayes_loss >= 0 && e.task->shape().causal) {
    file.attribute("bayes_loss", data.bayes_loss);
    if (!data.bayes_loss_of_domain.empty())
      file.attribute("bayes_loss_domains",
                     fmt::format("{}", fmt::join(data.bayes_loss_of_domain, ",")));
  }
  file.attribute("config", e.identity.resolved);
  file.attribute("config_sha256", e.identity.config_sha256);
  file.attribute("data_sha256", e.identity.data_sha256);
  file.attribute("version", std::string(version()));
  file.attribute("git", std::string(git_revision()));
  file.attribute("build", std::string(build_description()));
  file.attribute("device", e.backend->name() + ": " + e.backend->description());
  file.attribute("threads", std::int64_t{e.backend->threads()});
  file.attribute("created_utc", utc_now());
  e.recorder->describe_settings(e.spec.settings);
}

}  // namespace moesim
