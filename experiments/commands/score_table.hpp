// Builds the table of `moesim score`: losses and answers by task.
#pragma once

#include "analysis/render/table.hpp"
#include "sim/data/dataset.hpp"
#include "sim/train/answers.hpp"

#include <string>
#include <vector>

namespace moesim {

// Adds a row per task that was evaluated and, of several, their mean, in which tasks count equally.
void add_scores(Table& table, const std::string& run, const Dataset& data,
                const Evaluation& evaluation, const std::vector<Answer>& answers);

// The table without rows.
Table score_table();

// Adds a row per answer: what was asked, what was expected, what was answered.
void add_answers(Table& table, const std::string& run, const Dataset& data,
                 const std::vector<Answer>& answers);

// The table of answers without rows.
Table answers_table();

}  // namespace moesim
