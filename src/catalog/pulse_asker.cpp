#include "pulse_asker.hpp"

#include <utility>

#include "flashsale/redis/directory.hpp"
#include "flashsale/redis/redis_clock.hpp"

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
  const auto directory_call = redis::read_directory();
  const auto clock_call = redis::read_clock();
  std::vector<redis::Command> commands{directory_call.command, clock_call.command};
  std::vector<redis::Reader<redis::PulseReply>> readers;
  for (const auto& question : questions) {
    auto call = redis::pulse(question.sale.id, question.sale.epoch, question.items_state);
    commands.push_back(std::move(call.command));
    readers.push_back(call.read);
  }
  const auto replies = client_.pipeline(commands);
  clock.received_at = Steady::now();
  clock.paused_at_receipt = paused_time();
  latency_.Observe(std::chrono::duration<double>(clock.received_at - clock.sent_at).count());
  if (!replies) return replies.error();
  const auto version = directory_call.read(ReplyView((*replies)[0].get()));
  answers.directory_version = version ? *version : std::nullopt;
  const auto reading = clock_call.read(ReplyView((*replies)[1].get()));
  clock.reading = reading ? *reading : TimePoint{};
  answers.sales.reserve(questions.size());
  for (std::size_t i = 0; i < readers.size(); ++i) {
    answers.sales.push_back(readers[i](ReplyView((*replies)[2 + i].get())));
  }
  clock_ = clock;
  identity_ = client_.identity();
  return answers;
}

}  // namespace flashsale::catalog
