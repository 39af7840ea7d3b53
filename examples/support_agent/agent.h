#pragma once

// The agent: finds what the documents say, asks the model, runs the tools it asks for, and answers.

#include <string>

#include "chat_model.h"
#include "documents.h"

// One trace. Throws std::runtime_error when the model cannot be had.
std::string answer_question(const std::string& question, const Documents& documents, const Model& model);
