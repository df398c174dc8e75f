#include "pulse_asker.hpp"

#include <utility>

namespace flashsale::catalog {

using redis::ReplyView;
using Steady = std::chrono::steady_clock;

PulseAsker::PulseAsker(redis::Options redis, telemetry::Metrics& metrics)
    : client_(std::move(redis), "pulse"), latency_(metrics.dependency_seconds("redis", "pulse")) {}

bool PulseAsker::check_server() { return !client_.check_identity(); }

Result<PulseAnswers> PulseAsker::ask(std::span<const PulseQuestion> questions) {
  PulseAnswers answers;
  auto& clock = answers.clock;
  clock.paused_at_sending = paused_time();
  clock.sent_at = Steady::now();
  std::vector<redis::Command> commands{redis::read_directory_command(), redis::clock_command()};
  for (const auto& question : questions) {
    commands.push_back(redis::pulse_command(question.sale.id, question.sale.epoch, question.items_state));
  }
  const auto replies = client_.pipeline(commands);
  clock.received_at = Steady::now();
  clock.paused_at_receipt = paused_time();
  latency_.Observe(std::chrono::duration<double>(clock.received_at - clock.sent_at).count());
  if (!replies) return replies.error();
  answers.directory_version = redis::read_raised(ReplyView((*replies)[0].get()));
  clock.reading = redis::read_clock(ReplyView((*replies)[1].get()));
  answers.sales.reserve(questions.size());
  for (std::size_t i = 2; i < replies->size(); ++i) {
    answers.sales.push_back(redis::read_pulse(ReplyView((*replies)[i].get())));
  }
  clock_ = clock;
  identity_ = client_.identity();
  return answers;
}

}  // namespace flashsale::catalog
