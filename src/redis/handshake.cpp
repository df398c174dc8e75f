#include "handshake.hpp"

namespace flashsale::redis {

Command load_command(const Script& script) { return Command{"SCRIPT", "LOAD", script.text}; }

std::string_view why_unfit(const ServerIdentity& server, const Options& options) {
  if (!server.is_master && !options.allow_replica) return "server is a replica";
  if (server.loading) return "server is loading its data";
  return {};
}

Handshake::Handshake(const Options& options) : options_(options) {
  if (!options.address.password.empty()) steps_.push_back(Step::log_in);
  if (options.address.database != 0) steps_.push_back(Step::select);
  if (options.load_scripts) steps_.insert(steps_.end(), all_scripts().size(), Step::load_script);
  steps_.push_back(Step::meet);
}

std::vector<Command> Handshake::commands() const {
  const auto& address = options_.address;
  std::vector<Command> commands;
  auto script = all_scripts().begin();
  for (const auto step : steps_) {
    switch (step) {
      case Step::log_in:
        commands.push_back(address.user.empty() ? Command{"AUTH", address.password}
                                                : Command{"AUTH", address.user, address.password});
        break;
      case Step::select: commands.push_back(Command{"SELECT", std::to_string(address.database)}); break;
      case Step::load_script: commands.push_back(load_command(*script++)); break;
      case Step::meet: commands.push_back(Command{"INFO"}); break;
    }
  }
  return commands;
}

void Handshake::take(ReplyView reply) {
  if (!why_not_.empty() || at_ == steps_.size()) return;
  const auto step = steps_[at_++];
  if (reply.is_error()) {
    why_not_ = std::string("handshake refused: ").append(reply.text());
  } else if (step == Step::load_script) {
    if (reply.text() != all_scripts()[scripts_loaded_++].sha1) why_not_ = "a script has another SHA-1 than expected";
  } else if (step == Step::meet) {
    meet(reply.text());
  }
}

void Handshake::meet(std::string_view info) {
  const auto server = parse_server_identity(info);
  why_not_ = why_unfit(server, options_);
  if (why_not_.empty()) identity_ = server.text();
}

}  // namespace flashsale::redis
