#include "obs/http_server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <map>
#include <thread>

namespace forebay::obs {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

auto into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

Response respond(unsigned version, bool keep_alive, HttpAnswer answer) {
  Response response(http::int_to_status(answer.status), version);
  response.set(http::field::server, "forebay");
  response.set(http::field::content_type, answer.content_type);
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

HttpAnswer plain(unsigned status, std::string text) { return {.status = status, .body = std::move(text)}; }

// What a request that cannot be read is told; 0: nothing (the peer went away, or was too slow).
unsigned status_of_read_error(error_code error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::end_of_stream || error == beast::error::timeout) return 0;
  return error.category() == make_error_code(http::error::bad_method).category() ? 400 : 0;
}

}  // namespace

struct HttpServer::State {
  explicit State(HttpConfig c) : config(c) {}

  HttpAnswer answer_to(const Request& request) const {
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return plain(405, "only GET and HEAD are served here\n");
    std::string path(request.target().substr(0, request.target().find('?')));
    auto handler = handlers.find(path);
    if (handler == handlers.end()) return plain(404, "no such page: " + path.substr(0, 200) + "\n");
    return handler->second();
  }

  static asio::awaitable<void> write(beast::tcp_stream& stream, Response& response, bool head, error_code& error) {
    if (head) {
      http::response_serializer<http::string_body> serializer(response);
      co_await http::async_write_header(stream, serializer, into(error));
    } else {
      co_await http::async_write(stream, response, into(error));
    }
  }

  // True when the connection goes on.
  asio::awaitable<bool> serve_one(beast::tcp_stream& stream, beast::flat_buffer& buffer) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(config.max_header_bytes);
    parser.body_limit(config.max_body_bytes);
    stream.expires_after(config.timeout);
    error_code error;
    co_await http::async_read(stream, buffer, parser, into(error));
    if (error) {
      unsigned status = status_of_read_error(error);
      if (status == 0) co_return false;
      Response response = respond(11, false, plain(status, "the request cannot be read: " + error.message() + "\n"));
      co_await write(stream, response, false, error);
      co_return false;
    }
    const Request& request = parser.get();
    Response response = respond(request.version(), request.keep_alive(), answer_to(request));
    stream.expires_after(config.timeout);
    co_await write(stream, response, request.method() == http::verb::head, error);
    co_return !error && request.keep_alive();
  }

  // Gives the connection's place back, however serving it ends.
  struct Place {
    ~Place() { --state->connections; }
    State* const state;
  };

  static asio::awaitable<void> serve(State* state, tcp::socket socket) {
    const Place place{state};
    beast::tcp_stream stream(std::move(socket));
    if (state->connections > state->config.max_connections) {
      Response response = respond(11, false, plain(503, "too many connections\n"));
      stream.expires_after(state->config.timeout);
      error_code error;
      co_await write(stream, response, false, error);
    } else {
      beast::flat_buffer buffer(state->config.max_header_bytes + state->config.max_body_bytes);
      while (co_await state->serve_one(stream, buffer)) {
      }
    }
    error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  static asio::awaitable<void> accept(State* state) {
    for (;;) {
      error_code error;
      tcp::socket socket = co_await state->acceptor.async_accept(into(error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of descriptors: connections that end give some back
        asio::steady_timer pause(state->context, std::chrono::milliseconds(100));
        co_await pause.async_wait(into(error));
        continue;
      }
      if (++state->connections > 2 * state->config.max_connections) {  // no room even to say so
        --state->connections;
        continue;
      }
      asio::co_spawn(state->context, serve(state, std::move(socket)), asio::detached);
    }
  }

  const HttpConfig config;
  std::map<std::string, std::function<HttpAnswer()>, std::less<>> handlers;
  size_t connections = 0;       // on the context's thread
  asio::io_context context{1};  // destroyed before what is above it, with the coroutines that are still suspended
  tcp::acceptor acceptor{context};
  std::thread thread;
};

HttpServer::HttpServer(HttpConfig config) : state_(std::make_unique<State>(config)) {}
HttpServer::~HttpServer() { stop(); }

void HttpServer::get(std::string path, std::function<HttpAnswer()> handler) {
  state_->handlers[std::move(path)] = std::move(handler);
}

Result<uint16_t> HttpServer::listen(const std::string& host, uint16_t port) {
  error_code error;
  tcp::resolver resolver(state_->context);
  auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  if (error) return invalid("web address '" + host + "': " + error.message());
  tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(64, error);
  if (error) {
    std::string where = host + ":" + std::to_string(port);
    acceptor.close();
    return invalid("web address " + where + ": " + error.message());
  }
  asio::co_spawn(state_->context, State::accept(state_.get()), asio::detached);
  state_->thread = std::thread([state = state_.get()] { state->context.run(); });
  return acceptor.local_endpoint().port();
}

void HttpServer::stop() {
  state_->context.stop();
  if (state_->thread.joinable()) state_->thread.join();
  error_code ignored;
  state_->acceptor.close(ignored);
}

void add_standard_pages(HttpServer& server, const Metrics& metrics, const Readiness& readiness) {
  server.get("/metrics", [&metrics] {
    return HttpAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics.text()};
  });
  server.get("/healthz", [] { return plain(200, "ok\n"); });
  server.get("/readyz", [&readiness] {
    std::string reason = readiness.reason();
    return reason.empty() ? plain(200, "ready\n") : plain(503, reason + "\n");
  });
}

}  // namespace forebay::obs
