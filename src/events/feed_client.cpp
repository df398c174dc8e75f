#include "flashsale/events/feed_client.hpp"

#include <utility>

namespace flashsale::events {
namespace {

using outbound::HttpClient;

constexpr std::chrono::milliseconds kTotalTime{30'000};  // besides what the call is to wait
/// A page has 4 MiB and one event more.
constexpr std::size_t kBodyBytesMax = std::size_t{16} * 1024 * 1024;

std::string without_end_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

HttpClient::Options client_options() {
  HttpClient::Options options;
  options.body_bytes_max = kBodyBytesMax;
  options.keeps_body = true;
  return options;
}

}  // namespace

FeedClient::FeedClient(std::string admin_url)
    : admin_url_(without_end_slash(std::move(admin_url))), client_(client_options()) {}

FeedClient::Answer FeedClient::get(const Page& page, const std::string& token) {
  HttpClient::Request request;
  request.url = admin_url_ + "/admin/v1/events?limit=" + std::to_string(page.limit);
  if (page.after) request.url += "&after=" + std::to_string(*page.after);
  request.headers = {"Authorization: Bearer " + token, "Accept: application/json"};
  if (page.wait.count() > 0) request.headers.push_back("Prefer: wait=" + std::to_string(page.wait.count()));
  request.time_max = kTotalTime + page.wait;
  auto got = client_.send(request);
  Answer answer;
  answer.is_interrupted = client_.is_interrupted();
  switch (got.end) {
    case HttpClient::End::answered:
      answer.status = got.status;
      answer.body = std::move(got.body);
      break;
    case HttpClient::End::body_too_large:
    case HttpClient::End::head_too_large: answer.error = "the answer is too large"; break;
    case HttpClient::End::address_refused:
    case HttpClient::End::failed: answer.error = got.error; break;
  }
  return answer;
}

}  // namespace flashsale::events
