#include "plain_replies.hpp"

namespace flashsale::redis {

Result<std::int64_t> read_number(ReplyView reply) { return reply.number(); }

Result<Done> read_done(ReplyView /*reply*/) { return Done{}; }

}  // namespace flashsale::redis
