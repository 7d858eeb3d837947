#include "experiments/commands/transform_methods.hpp"

#include "experiments/commands/task_names.hpp"
#include "experiments/commands/transform_fewer.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/data/name_lists.hpp"
#include "sim/transform/calibration.hpp"
#include "sim/transform/extract.hpp"
#include "sim/transform/fold.hpp"
#include "sim/transform/quantise.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr Named<Quantisation::Method> kMethods[] = {{"rtn", Quantisation::Method::rtn},
                                                    {"gptq", Quantisation::Method::gptq}};

TransformMethod quantise_method(const Arguments& arguments, Json& report) {
  if (!arguments.given("bits"))
    fail(Exit::usage, "command line: quantise: to how many bits? --bits 8, 4, 3, 2 or ternary");
  const std::string bits = arguments.text("bits");
  const bool ternary = bits == "ternary";
  index number = 0;
  if (!ternary && (config::parse(bits, number) != std::errc{} || number < 1 || number > 16))
    fail(Exit::usage,
         fmt::format("command line: --bits {}: expected a whole number from 1 to 16, or "
                     "ternary{}",
                     config::shown_value(bits),
                     nearest(bits, {"ternary"}).empty() ? "" : "; did you mean ternary?"));
  const Quantisation how{.method = arguments.chosen<Quantisation::Method>("method", kMethods),
                         .bits = static_cast<int>(number),
                         .group = arguments.integer("group", 0, 1 << 24)};
  const bool calibrates = how.method == Quantisation::Method::gptq;
  if (arguments.given("calibration") && !calibrates)
    fail(Exit::usage, "command line: --calibration is an option of --method gptq");
  const index sequences = calibration_sequences(arguments, 128);
  const auto make = [how, sequences, &report](Experiment& source, Experiment& made, RunFile& file) {
    HostTensors tensors = host_tensors(source.trainer->weights());
    const auto calibrate = [&](const HostTensors& now, const std::vector<std::string>& matrices) {
      give(now, made.trainer->weights());
      return input_grams({.data = *made.data,
                          .task = *made.task,
                          .model = *made.model,
                          .backend = *made.backend,
                          .seed = made.run.seed,
                          .sequences = sequences},
                         made.trainer->weights(), matrices);
    };
    const QuantisedSize size = quantise_experts(how, tensors, *source.model, calibrate);
    report["bits"] = size.bits, report["entropy"] = size.entropy;
    report["bytes_before"] = size.bytes_before, report["bytes_after"] = size.bytes_after;
    file.attribute("transform_bits", size.bits);
    file.attribute("transform_entropy", size.entropy);
    file.attribute("transform_bytes_before", size.bytes_before);
    file.attribute("transform_bytes_after", size.bytes_after);
    return tensors;
  };
  return {fmt::format("quantise bits={}{}{}", arguments.text("bits"),
                      how.group > 0 ? fmt::format(" group={}", how.group) : "",
                      calibrates ? fmt::format(" method=gptq calibration={}", sequences) : ""),
          {},
          make};
}

// True if the router goes by the first token, and every example begins with the label of its task.
bool routes_by_label(const Experiment& e) {
  const auto is_label = [&](const char* key) {
    const auto set = e.spec.settings.values().find(key);  // a stored config has every option
    return set != e.spec.settings.values().end() && set->second.value == "label";
  };
  return e.model->config().router == "sentence" && e.data->info().pairs &&
         is_label("router.sentence.by") && is_label("data.input");
}

// What a reader of the report must know about the network of a task.
std::vector<std::string> notes_on(const std::string& task, const Experiment& made) {
  std::vector<std::string> notes;
  if (!made.data->info().pairs) {
    notes.push_back(fmt::format(
        "these are losses and logits of {} alone; run.h5 and compare have the loss over "
        "all domains, export --table domains that of each",
        task));
    return notes;
  }
  const std::vector<std::string> held_out = words_of(made.spec.settings.effective("data.held_out"));
  if (std::find(held_out.begin(), held_out.end(), task) != held_out.end())
    notes.push_back(fmt::format(
        "data.held_out has {}: this run had no training examples of it, so that its row "
        "of the router is untrained, unless a run that it began with had them",
        task));
  return notes;
}

TransformMethod extract_method(const Arguments& arguments, Json& report) {
  const std::string task = arguments.text("task");
  if (task.empty())
    fail(Exit::usage, "command line: extract: the network of which task? --task NAME");
  const auto settings_of = [task](const Experiment& source) {
    require_extractable(*source.model, routes_by_label(source));
    task_number(task, source.data->info());
    MadeSettings settings = {
        {"router.name", "dense"},
        {"router.dense.width_factor",
         fmt::format("{}", source.model->moe_layer(0).router().traits().cost.rows_per_token)},
        {"moe.match", "none"},
        {"expert.hidden", std::to_string(source.model->expert_hidden())}};
    if (source.data->info().pairs) settings.emplace_back("data.evaluated", task);
    return settings;
  };
  const auto make = [task, &report](Experiment& source, Experiment& made, RunFile&) {
    const ModelInput input =
        made.task->prepare(made.trainer->evaluator().posed(0), *source.backend).input;
    const std::vector<TaskExperts> layers =
        experts_of_task(*source.model, input, task_number(task, made.data->info()));
    if (auto notes = notes_on(task, made); !notes.empty()) report["notes"] = std::move(notes);
    for (const TaskExperts& layer : layers) {
      report["experts"].push_back(layer.experts);
      report["gates"].push_back(layer.gates);
    }
    return extract_task(host_tensors(source.trainer->weights()), *source.model, layers);
  };
  return {.made = "extract task=" + task,
          .settings = {},
          .make = make,
          .settings_of = settings_of,
          .domain = task};
}

TransformMethod fold_method() {
  const auto make = [](Experiment& source, Experiment&, RunFile&) {
    return fold_adapters(host_tensors(source.trainer->weights()), *source.model);
  };
  return {.made = "fold", .settings = {}, .make = make, .left_out = {"adapter", "freeze"}};
}

// Options of one method are an error with another.
void require_options_of(const Arguments& arguments, const std::string& method) {
  for (const auto& [option, owner] : {std::pair("keep", "prune"),
                                      {"score", "prune"},
                                      {"seed", "prune"},
                                      {"threshold", "prune"},
                                      {"bits", "quantise"},
                                      {"group", "quantise"},
                                      {"method", "quantise"},
                                      {"groups", "merge"},
                                      {"weights", "merge"},
                                      {"align", "merge"},
                                      {"similarity", "merge"},
                                      {"router", "merge"},
                                      {"task", "extract"}})
    if (arguments.given(option) && method != owner)
      fail(Exit::usage,
           fmt::format("command line: --{} is an option of {}, not of {}", option, owner, method));
  if (arguments.given("calibration") && (method == "fold" || method == "extract"))
    fail(Exit::usage, "command line: --calibration is an option of prune, merge and quantise");
}

}  // namespace

index calibration_sequences(const Arguments& arguments, index otherwise) {
  return arguments.given("calibration") ? arguments.integer("calibration", 1, 1 << 20) : otherwise;
}

void declare_transform_methods(Arguments& arguments) {
  arguments.group("extract").value(
      "task", "", "the task whose experts become a dense model: a domain of the data");
  declare_fewer_experts(arguments);
  arguments.group("quantise")
      .value("bits", "", "bits per weight from 1 to 16, or ternary",
             {{"8", "4", "3", "2", "ternary"}})
      .value("group", "0", "weights that share a grid; 0: all into one output unit")
      .value("method", "rtn",
             "rtn: each weight to the nearest value; gptq: later weights correct what earlier ones "
             "changed, by the inputs of each expert in training sequences (Frantar et al. 2023)",
             Offer::one_of(all_names<Quantisation::Method>(kMethods)));
}

TransformMethod transform_method(const std::string& name, const Arguments& arguments,
                                 const Transformation& what, Json& report) {
  const std::vector<std::string> names = {"prune", "merge", "quantise", "extract", "fold"};
  if (name.empty())
    fail(Exit::usage, "command line: transform RUN what? choose one of " + joined(names));
  config::require_choice("transform RUN", name, names);
  require_options_of(arguments, name);
  if (name == "prune") return prune_method(arguments, what, report);
  if (name == "merge") return merge_method(arguments, report);
  if (name == "extract") return extract_method(arguments, report);
  return name == "quantise" ? quantise_method(arguments, report) : fold_method();
}

}  // namespace moesim
