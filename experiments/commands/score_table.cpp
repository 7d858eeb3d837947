#include "experiments/commands/score_table.hpp"

#include "analysis/statistics/chrf.hpp"

#include <cmath>

namespace moesim {
namespace {

using Kind = Column::Kind;

// Sums of the tasks, for their mean.
struct Macro {
  double loss = 0, exact = 0, chrf = 0, targets = 0, answers = 0, tasks = 0;
};

}  // namespace

Table score_table() {
  return {.name = "score",
          .columns = {{"run", "run", Kind::text},
                      {"domain", "task", Kind::text},
                      {"targets", "targets", Kind::count},
                      {"loss", "loss", Kind::number, 4, Column::Better::lower},
                      {"answers", "answers", Kind::count},
                      {"exact_percent", "exact %", Kind::number, 1, Column::Better::higher},
                      {"chrf", "chrF", Kind::number, 1, Column::Better::higher}},
          .rows = {},
          .notes = {"loss: nats per counted target; exact: the whole greedy output is the target; "
                    "chrF: character n-gram F2 of it, orders 1 to 6, in percent (Popović 2015)"},
          .bold = {},
          .references = {}};
}

void add_scores(Table& table, const std::string& run, const Dataset& data,
                const Evaluation& evaluation, const std::vector<Answer>& answers) {
  Macro all;
  for (std::size_t task = 0; task < data.info().domains.size(); ++task) {
    if (evaluation.domain_targets[task] == 0) continue;
    ChrF chrf;
    double count = 0, exact = 0;
    for (const Answer& answer : answers) {
      if (answer.task != task) continue;
      chrf.add(data.decode(answer.output), data.decode(answer.target));
      ++count;
      exact += answer.exact();
    }
    const double loss = evaluation.domain_loss[task], percent = 100 * exact / count;
    table.rows.push_back({run, data.info().domains[task], evaluation.domain_targets[task], loss,
                          count, percent, 100 * chrf.score()});
    all.loss += loss, all.exact += percent, all.chrf += 100 * chrf.score();
    all.targets += evaluation.domain_targets[task], all.answers += count;
    ++all.tasks;
  }
  if (all.tasks == 1) return;
  table.rows.push_back({run, std::string("mean"), all.targets, all.loss / all.tasks, all.answers,
                        all.exact / all.tasks, all.chrf / all.tasks});
}

Table answers_table() {
  return {.name = "answers",
          .columns = {{"run", "run"},
                      {"domain", "task"},
                      {"source", "source"},
                      {"target", "target"},
                      {"answer", "answer"},
                      {"ended", "ended"},
                      {"exact", "exact"}},
          .rows = {},
          .notes = {},
          .bold = {},
          .references = {}};
}

void add_answers(Table& table, const std::string& run, const Dataset& data,
                 const std::vector<Answer>& answers) {
  const auto word = [](bool holds) { return std::string(holds ? "yes" : "no"); };
  for (const Answer& answer : answers)
    table.rows.push_back({run, data.info().domains[answer.task], data.decode(answer.source),
                          data.decode(answer.target), data.decode(answer.output),
                          word(answer.ended), word(answer.exact())});
}

}  // namespace moesim
